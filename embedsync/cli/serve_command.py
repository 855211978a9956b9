"""The options of ``embedsync serve``: all of those that ``bokeh serve`` has, and ours."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import click

from embedsync.cli.options import ServeOptions
from embedsync.cli.serve import serve
from embedsync.cli.words import split_apps, spread

__all__ = ["serve_command"]

_LEVELS = ["trace", "debug", "info", "warning", "error", "critical"]

_Command = TypeVar("_Command", bound=Callable[..., Any])


class ServeCommand(click.Command):
    """Takes the options that have several words, and leaves everything after ``--args`` to the apps."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Split the arguments and parse ours."""
        ours, ctx.obj = split_apps(args)
        return super().parse_args(ctx, spread(ours))


def _together(*options: Callable[[_Command], _Command]) -> Callable[[_Command], _Command]:
    def add(command: _Command) -> _Command:
        for option in reversed(options):
            command = option(command)
        return command

    return add


def _milliseconds(name: str, parameter: str, text: str, *, least: int = 1, default: int | None = None) -> Any:
    kind = click.IntRange(min=least)
    return click.option(name, parameter, type=kind, metavar="MILLISECONDS", default=default, help=text)


_where = _together(
    click.option("--port", type=click.IntRange(0, 65535), help="0 picks one.  [default: 5006]"),
    click.option("--address", help="Where to listen.  [default: localhost]"),
    click.option(
        "--unix-socket", metavar="PATH", help="Listen on a Unix socket, for a proxy, in place of a port."
    ),
    click.option(
        "--ssl-certfile", "certificate", metavar="PATH", help="Certificate, with its chain: serve https."
    ),
    click.option(
        "--ssl-keyfile", "certificate_key", metavar="PATH", help="Its private key, if in another file."
    ),
    click.option(
        "--use-xheaders",
        "use_forwarded",
        is_flag=True,
        help="Take address and protocol of visitors from X-Real-Ip, X-Forwarded-For, X-Scheme and "
        "X-Forwarded-Proto, whoever sends these. Only behind a proxy that sets them.",
    ),
    click.option("--prefix", default="", help="Path before all addresses, such as /apps."),
    click.option(
        "--allow-origin",
        "--allow-websocket-origin",
        "allowed_origins",
        multiple=True,
        metavar="ORIGIN",
        help="An origin whose pages may connect, such as https://example.org or example.org:8000. "
        "Repeat it for several; '*' allows all.",
    ),
)

_pages = _together(
    click.option("--show", is_flag=True, help="Open the app, or the index of several, in a browser."),
    click.option("--ico-path", "icon", metavar="PATH", help="An .ico file for the pages; 'none' for none."),
    click.option(
        "--index", metavar="PATH", help="A template of Tornado for the index; it gets prefix and items."
    ),
    click.option("--disable-index", is_flag=True, help="No index at /."),
    click.option("--disable-index-redirect", is_flag=True, help="An index at / also for a single app."),
    click.option(
        "--allow-eval", is_flag=True, help="Let pages run JavaScript that apps hold as text (CustomJS)."
    ),
    click.option(
        "--content-policy", metavar="TEXT", help="Content-Security-Policy of the pages; '' for none."
    ),
)

_rights = _together(
    click.option(
        "--authority",
        type=click.Choice(["compat", "closed"]),
        default="compat",
        show_default=True,
        help="What browsers may change: everything, as with bokeh serve; or what a person can change.",
    ),
    click.option(
        "--auth-module", metavar="PATH", help="A Python file that says who a visitor is, as for bokeh serve."
    ),
    click.option("--cookie-secret", metavar="TEXT", help="Signs cookies that the auth module sets."),
    click.option(
        "--enable-xsrf-cookies",
        "xsrf_cookies",
        is_flag=True,
        help="Forms of the auth module must carry Tornado's token.",
    ),
    click.option(
        "--session-ids",
        type=click.Choice(["unsigned", "signed", "external-signed"]),
        help="Whether names of sessions that clients bring must be signed, by BOKEH_SECRET_KEY.",
    ),
    click.option(
        "--session-token-expiration",
        "token_expiration",
        type=click.IntRange(min=1),
        metavar="SECONDS",
        default=300,
        show_default=True,
        help="How long a page may take to open its session.",
    ),
    click.option(
        "--include-headers",
        multiple=True,
        metavar="NAME...",
        help="Headers that apps are shown, and no others.",
    ),
    click.option(
        "--exclude-headers", multiple=True, metavar="NAME...", help="Headers that apps are not shown."
    ),
    click.option(
        "--include-cookies",
        multiple=True,
        metavar="NAME...",
        help="Cookies that apps are shown, and no others.",
    ),
    click.option(
        "--exclude-cookies", multiple=True, metavar="NAME...", help="Cookies that apps are not shown."
    ),
)

_reports = _together(
    click.option(
        "--debug", is_flag=True, help="Show tracebacks of apps and callbacks that fail to visitors."
    ),
    click.option("--log-level", type=click.Choice(_LEVELS, case_sensitive=False), help="[default: info]"),
    click.option("--log-format", default="%(asctime)s %(levelname)s %(message)s", show_default=True),
    click.option("--log-file", metavar="PATH", help="Write the log there; otherwise to standard error."),
    click.option(
        "--use-config", "config", metavar="PATH", help="A YAML file with settings of Bokeh, before BOKEH_…."
    ),
    _milliseconds(
        "--stats-log-frequency",
        "stats_milliseconds",
        "How often to log, at level debug, how many sessions and sockets there are.",
        default=15000,
    ),
    _milliseconds(
        "--mem-log-frequency",
        "memory_milliseconds",
        "How often to log how much memory is used; 0 for never.",
        least=0,
        default=0,
    ),
)

_limits = _together(
    click.option(
        "--num-procs",
        "processes",
        default=1,
        show_default=True,
        type=click.IntRange(min=0),
        help="Processes that share the port; visitors come back to theirs. 0 is one for each core.",
    ),
    click.option(
        "--num-threads",
        "--workers",
        "threads",
        default=16,
        show_default=True,
        type=click.IntRange(min=1),
        help="Threads that run app code side by side; more start while some are stuck.",
    ),
    click.option(
        "--prebuild",
        default=0,
        show_default=True,
        metavar="NUMBER",
        type=click.IntRange(min=0),
        help="Documents of each app to build in idle time, for the next visitors. Without effect for apps "
        "that look at their visitor while they fill a document.",
    ),
    click.option(
        "--accelerate",
        is_flag=True,
        help="Change classes of Bokeh so that apps are built in a fraction of the time.",
    ),
    click.option(
        "--grace",
        type=click.FloatRange(min=0, min_open=True),
        metavar="SECONDS",
        help="How long to keep a session that no browser is connected to.  [default: 120]",
    ),
    _milliseconds("--unused-session-lifetime", "unused_milliseconds", "The same as --grace."),
    _milliseconds(
        "--check-unused-sessions",
        "check_unused_milliseconds",
        "Without effect: sessions end when their time has come, not at the next check.",
    ),
    _milliseconds(
        "--keep-alive",
        "keep_alive_milliseconds",
        "Time between pings.  [default: 25000]",
        least=0,
    ),
    click.option(
        "--websocket-max-message-size",
        "message_bytes",
        type=click.IntRange(min=1),
        metavar="BYTES",
        default=20 * 1024 * 1024,
        show_default=True,
        help="Largest message taken from a browser.",
    ),
    click.option(
        "--websocket-compression-level",
        "compression_level",
        type=click.IntRange(0, 9),
        help="Compress messages, so hard.",
    ),
    click.option(
        "--websocket-compression-mem-level",
        "compression_memory",
        type=click.IntRange(1, 9),
        help="Compress messages, with so much memory.",
    ),
    click.option(
        "--stop-timeout",
        default=10.0,
        show_default=True,
        type=click.FloatRange(min=0, min_open=True),
        help="Seconds to wait at the end for app code that is running.",
    ),
)


@click.command("serve", cls=ServeCommand)
@click.argument("apps", nargs=-1, metavar="APP...")
@click.option("--glob", "globs", is_flag=True, help="Take the names of apps as patterns of file names.")
@click.option(
    "--dev",
    is_flag=True,
    help="Start again, and let pages load themselves again, when a source file changes. Further files to "
    "watch may follow: --dev FILE...",
)
@click.option("--watch", "watched", multiple=True, hidden=True)
@_where
@_pages
@_rights
@_reports
@_limits
@click.pass_context
def serve_command(context: click.Context, /, apps: tuple[str, ...], **options: Any) -> None:
    """Serve apps: scripts, directories and notebooks.

    Each app is found under its name: myapp.py at http://localhost:5006/myapp, with the arguments that
    its address carries. Everything after --args goes to the apps, as sys.argv.

    \b
    Tickets are signed with EMBEDSYNC_SECRET_KEY or BOKEH_SECRET_KEY from the environment. Without
    either a key is made up: after a restart, pages that are open have to be loaded again by hand,
    and what people had put in is not restored.
    Variables that bokeh serve reads are read here, too: BOKEH_ALLOW_WS_ORIGIN, BOKEH_SSL_CERTFILE ….
    """
    if not apps:
        # As in `--dev myapp.py`: words after --dev are files to watch only where there are apps as well.
        apps, options["watched"] = options["watched"], ()
    if not apps:
        raise click.UsageError("Missing argument 'APP...'.")
    serve(ServeOptions(paths=apps, app_arguments=context.obj, **options))
