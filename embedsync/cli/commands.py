"""The commands, and how a mistake is told: in one line."""

from __future__ import annotations

import sys
from collections.abc import Sequence

import click
import websockets  # noqa: F401  (uvicorn serves no sockets without it, and would say so too late)

from embedsync import __version__
from embedsync.cli.doctor import doctor_command
from embedsync.cli.other_commands import info_command, secret_command
from embedsync.cli.serve_command import serve_command
from embedsync.errors import EmbedSyncError

__all__ = ["run"]


def run(arguments: Sequence[str]) -> int:
    """Run the command and return its exit code.

    Args:
        arguments: without the name of the program.
    """
    try:
        code = embedsync.main(args=list(arguments), prog_name="embedsync", standalone_mode=False)
    except click.exceptions.Exit as wanted:
        return wanted.exit_code
    except click.Abort:
        return 130
    except click.ClickException as mistake:
        return _complain(mistake.format_message(), mistake.exit_code)
    except EmbedSyncError as mistake:
        return _complain(str(mistake), 1)
    return code if isinstance(code, int) else 0


def _complain(message: str, code: int) -> int:
    sys.stderr.write(f"embedsync: {' '.join(message.split())}\n")
    return code


@click.group(invoke_without_command=True)
@click.version_option(__version__, prog_name="embedsync", message="%(prog)s %(version)s")
@click.pass_context
def embedsync(context: click.Context) -> None:
    """Live Bokeh apps, on their own or inside your site."""
    if context.invoked_subcommand is None:
        click.echo(context.get_help())


for each in (serve_command, secret_command, info_command, doctor_command):
    embedsync.add_command(each)
