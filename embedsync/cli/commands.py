"""The commands and their options, and how a mistake is told: in one line."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import Any

import click
import websockets  # noqa: F401  (uvicorn serves no sockets without it, and would say so too late)

from embedsync import __version__
from embedsync.cli.options import ServeOptions
from embedsync.cli.serve import serve
from embedsync.errors import EmbedSyncError

__all__ = ["run"]

_LEVELS = ["trace", "debug", "info", "warning", "error", "critical"]


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


class ServeCommand(click.Command):
    """Leaves everything after ``--args`` to the apps."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Split the arguments and parse the first half."""
        if "--args" in args:
            at = args.index("--args")
            ctx.obj = tuple(args[at + 1 :])
            args = args[:at]
        return super().parse_args(ctx, args)


@click.group(invoke_without_command=True)
@click.version_option(__version__, prog_name="embedsync", message="%(prog)s %(version)s")
@click.pass_context
def embedsync(context: click.Context) -> None:
    """Live Bokeh apps, on their own or inside your site."""
    if context.invoked_subcommand is None:
        click.echo(context.get_help())


@embedsync.command("serve", cls=ServeCommand)
@click.argument("apps", nargs=-1, required=True, metavar="APP...")
@click.option("--port", default=5006, show_default=True, type=click.IntRange(0, 65535), help="0 picks one.")
@click.option("--address", default="localhost", show_default=True, help="Where to listen.")
@click.option("--show", is_flag=True, help="Open the app, or the index of several, in a browser.")
@click.option(
    "--allow-origin",
    "--allow-websocket-origin",
    "allowed_origins",
    multiple=True,
    metavar="ORIGIN",
    help="An origin whose pages may connect, such as https://example.org or example.org:8000. "
    "Repeat it for several; '*' allows all.",
)
@click.option("--prefix", default="", help="Path before all addresses, such as /apps.")
@click.option(
    "--authority",
    type=click.Choice(["compat", "closed"]),
    default="compat",
    show_default=True,
    help="What browsers may change: everything, as with bokeh serve; or what a person can change.",
)
@click.option("--debug", is_flag=True, help="Show tracebacks of apps to visitors.")
@click.option(
    "--log-level", type=click.Choice(_LEVELS, case_sensitive=False), default="info", show_default=True
)
@click.option("--log-format", default="%(asctime)s %(levelname)s %(message)s", show_default=True)
@click.option(
    "--num-threads",
    "--workers",
    "threads",
    default=16,
    show_default=True,
    type=click.IntRange(min=1),
    help="Threads that run app code side by side; more start while some are stuck.",
)
@click.option(
    "--grace",
    default=120.0,
    show_default=True,
    type=click.FloatRange(min=0, min_open=True),
    help="Seconds to keep a session that no browser is connected to.",
)
@click.option(
    "--stop-timeout",
    default=10.0,
    show_default=True,
    type=click.FloatRange(min=0, min_open=True),
    help="Seconds to wait at the end for app code that is running.",
)
@click.option(
    "--allow-eval", is_flag=True, help="Let pages run JavaScript that apps hold as text (CustomJS)."
)
@click.option("--content-policy", metavar="TEXT", help="Content-Security-Policy of the pages; '' for none.")
@click.pass_context
def serve_command(context: click.Context, /, apps: tuple[str, ...], **options: Any) -> None:
    """Serve apps: scripts, directories and notebooks.

    Each app is found under its name: myapp.py at http://localhost:5006/myapp, with the arguments that
    its address carries. Everything after --args goes to the apps, as sys.argv.

    \b
    Tickets are signed with EMBEDSYNC_SECRET_KEY or BOKEH_SECRET_KEY from the environment. Without
    either a key is made up, and the pages that are open need a new session after a restart.
    """
    serve(ServeOptions(paths=apps, app_arguments=context.obj, **options))
