"""The commands beside ``serve``."""

from __future__ import annotations

import importlib.metadata
import platform
import secrets
import string

import click

from embedsync import __version__

__all__ = ["info_command", "secret_command"]

_ALPHABET = string.ascii_letters + string.digits
_LENGTH = 44
_OTHERS = ("bokeh", "uvicorn", "websockets", "click", "watchfiles", "flask", "django", "channels", "panel")


@click.command("secret")
def secret_command() -> None:
    """Print a new key, for EMBEDSYNC_SECRET_KEY or BOKEH_SECRET_KEY."""
    click.echo("".join(secrets.choice(_ALPHABET) for _ in range(_LENGTH)))


@click.command("info")
def info_command() -> None:
    """Print the versions of what is installed here, for reports of faults."""
    click.echo(f"embedsync   {__version__}")
    click.echo(f"python      {platform.python_version()} on {platform.platform()}")
    for name in _OTHERS:
        click.echo(f"{name:<11} {_version(name)}")


def _version(name: str) -> str:
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return "not installed"
