"""``embedsync doctor``: what is wrong with what is installed, and what the pages of apps must allow."""

from __future__ import annotations

import importlib.metadata
import logging
import re
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import Future
from concurrent.futures import TimeoutError as Late
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from embedsync import wire
from embedsync.cli.options import name_apps
from embedsync.errors import ConfigurationError
from embedsync.hub import Hub
from embedsync.request import Request
from embedsync.settings import Settings

if TYPE_CHECKING:
    from embedsync.documents.bokeh.policy import Need

__all__ = ["doctor_command", "policy_line", "problems"]

_PARTNERS = {
    "flask": (("flask-sock", ""), ("simple-websocket", "")),
    "channels": (("django", ""), ("daphne", "4.2.2")),
    "uvicorn": (("websockets", "13"), ("click", ""), ("watchfiles", "")),
}
"""What must be there besides, and from which version, where a package is used with embedsync."""

_BASE: dict[str, tuple[str, ...]] = {
    "default-src": ("'self'",),
    "script-src": ("'self'",),
    "style-src": ("'self'",),
    "style-src-attr": (),
    "img-src": ("'self'", "data:"),
    "font-src": ("'self'",),
    "connect-src": ("'self'",),
    "object-src": ("'none'",),
    "base-uri": ("'none'",),
}
"""What each page needs that shows an app; files of the site itself, and what plots copy and save."""


@click.command("doctor")
@click.argument("paths", metavar="[APP]...", nargs=-1)
@click.option(
    "--csp", is_flag=True, help="Say what the Content-Security-Policy of the apps' pages must allow."
)
@click.option(
    "--timeout", type=click.FloatRange(min=0.1), default=60.0, show_default=True, help="Seconds for an app."
)
def doctor_command(paths: tuple[str, ...], csp: bool, timeout: float) -> int:
    """Look for what is wrong with what is installed, and build the apps.

    Exits with 1 if something is wrong.
    """
    if csp and not paths:
        raise ConfigurationError("--csp: name the apps, such as: embedsync doctor --csp myapp.py")
    apps = name_apps(paths)
    for name, path in apps.items():
        _hub_with(name, path)  # A path that leads to no app is a mistake of who asks: nothing else is told.
    found = [*problems()]
    for each in found:
        click.echo(f"problem: {each}")
    if not csp and not found:
        click.echo("What is installed fits together.")
    needs: dict[Need, None] = {}
    for name, path in apps.items():
        failure, its_needs = _examine(name, path, timeout)
        if failure:
            found.append(failure)
            click.echo(f"{name}: {failure}")
            continue
        needs.update(dict.fromkeys(its_needs))
        click.echo(f"{name}: builds, and needs nothing more" if csp and not its_needs else f"{name}: builds")
        for need in its_needs if csp else ():
            click.echo(f"  {need.directive} {' '.join(need.sources)}   for {need.who}: {need.why}")
    if csp:
        click.echo(f"\nContent-Security-Policy: {policy_line(needs)}")
    return 1 if found else 0


def policy_line(needs: Iterable[Need]) -> str:
    """A Content-Security-Policy that suffices for these needs."""
    allowed = {name: list(sources) for name, sources in _BASE.items()}
    for need in needs:
        sources = allowed.setdefault(need.directive, [])
        sources += [each for each in need.sources if each not in sources]
    return "; ".join(f"{name} {' '.join(sources)}" for name, sources in allowed.items() if sources)


def problems() -> Iterator[str]:
    """What is missing, or too old, for what is installed; in words that say what to do."""
    if _version("bokeh") is None:
        yield "bokeh is not installed: pip install 'bokeh>=3.9,<3.11'"
    for name, partners in _PARTNERS.items():
        if _version(name) is None:
            continue
        for partner, least in partners:
            version = _version(partner)
            if version is None:
                yield f"{name} needs {partner} for live connections: pip install {partner}"
            elif least and _numbers(version) < _numbers(least):
                yield f"{partner} {version} is too old: pip install '{partner}>={least}'"


def _version(name: str) -> str | None:
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return None


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(each) for each in re.findall(r"\d+", version)[:3])


def _examine(name: str, path: Path, timeout: float) -> tuple[str, Sequence[Need]]:
    """Build an app as for a visitor: what is wrong with it, or else what its document needs."""
    hub = _hub_with(name, path)
    # What a log would say of a failure is what is told here.
    logging.getLogger("embedsync").setLevel(logging.CRITICAL)
    try:
        opened: Future[str] = Future()
        endpoint = hub.connect(Request())

        def ready() -> None:
            for message in endpoint.take():
                _, frame, _ = wire.decode_server_frame(
                    message if isinstance(message, bytes) else message.encode()
                )
                if opened.done():
                    return
                if isinstance(frame, wire.SnapshotFrame):
                    opened.set_result("")
                elif isinstance(frame, wire.Closed):
                    opened.set_result(frame.detail.strip() or f"cannot be built (code {frame.code})")

        endpoint.on_ready = ready
        endpoint.receive(wire.frame(1, wire.encode_payload(wire.Open(protocol=1, ticket=hub.ticket(name)))))
        failure = opened.result(timeout)
        return (failure, ()) if failure else ("", _needs(hub, name, timeout))
    except Late:
        return f"is not built after {timeout:g} s (--timeout)", ()
    finally:
        hub.stop()


def _hub_with(name: str, path: Path) -> Hub:
    hub = Hub("for this look only", Settings(debug=True, stop_timeout=1))
    hub.add_app(name, path)
    return hub


def _needs(hub: Hub, name: str, timeout: float) -> Sequence[Need]:
    from embedsync.documents.bokeh.policy import needs_of

    looked: Future[Sequence[Need]] = Future()

    def look(document: Any) -> None:
        try:
            looked.set_result(needs_of(document))
        except Exception as error:  # noqa: BLE001 - it is told where it is waited for
            looked.set_exception(error)

    hub.update_sessions(name, look)
    return looked.result(timeout)
