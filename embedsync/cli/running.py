"""What every server of ``embedsync serve`` does: it writes a log, tells its addresses, and runs."""

from __future__ import annotations

import logging
import signal
import socket
import sys
import threading
import webbrowser
from collections.abc import Callable
from urllib.parse import quote

from embedsync.asgi.protocol import ASGIApplication
from embedsync.cli.encryption import encryption
from embedsync.cli.options import ServeOptions
from embedsync.cli.places import Place
from embedsync.cli.reports import Reports
from embedsync.cli.server import Server, Transport
from embedsync.cli.site import Site, apps_of
from embedsync.cli.surroundings import Surroundings
from embedsync.errors import ConfigurationError
from embedsync.forks import let_forks_end_by

__all__ = ["announce", "reports_of", "run_server", "set_up_logging", "transport_of", "warn_of_strangers"]

logger = logging.getLogger("embedsync.cli")


def run_server(
    options: ServeOptions,
    around: Surroundings,
    place: Place,
    site: Site,
    *,
    application: ASGIApplication | None = None,
    visitors: socket.socket | None = None,
    on_started: Callable[[], None] = lambda: None,
    on_stopping: Callable[[], None] = lambda: None,
) -> None:
    """Serve a site until a signal comes.

    Args:
        options: of the command line.
        around: what else holds.
        place: open sockets.
        site: what is served.
        application: in place of the site's own.
        visitors: hands over connections, in place of the sockets of the place.
        on_started: called once connections are taken.
        on_stopping: called when a signal has come.

    Raises:
        ConfigurationError: an option is not usable.
    """
    server = Server(
        application or site.application(place),
        site.hub,
        on_started,
        visitors=visitors,
        on_stopping=on_stopping,
        transport=transport_of(options, around),
        reports=reports_of(options, site),
    )
    let_forks_end_by((signal.SIGINT, signal.SIGTERM))
    server.run([] if visitors is not None else place.sockets)


def set_up_logging(options: ServeOptions, level: int) -> None:
    """Write what happens to where the options say.

    Raises:
        ConfigurationError: the file cannot be written.
    """
    try:
        logging.basicConfig(level=level, format=options.log_format, filename=options.log_file)
    except OSError as error:
        raise ConfigurationError(f"--log-file {options.log_file}: {error.strerror}") from error
    except ValueError as error:
        raise ConfigurationError(f"--log-format: {error}") from error
    quiet = logging.WARNING if level > logging.DEBUG else logging.DEBUG
    for name in ("uvicorn", "uvicorn.error", "asyncio"):
        logging.getLogger(name).setLevel(max(quiet, level))


def announce(options: ServeOptions, place: Place) -> None:
    """Print the addresses of the apps, and show them if that is wanted."""
    addresses = [f"{place.base}/{quote(name)}" for name in apps_of(options)]
    _print(addresses)
    if options.show and place.is_web:
        # Beside us: some browsers keep the caller waiting.
        page = addresses[0] if len(addresses) == 1 else f"{place.base}/"
        threading.Thread(target=webbrowser.open, args=(page,), daemon=True).start()


def _print(lines: list[str]) -> None:
    """Write lines to the output, unless it is closed, or takes nothing, which is no reason not to serve."""
    if sys.stdout is None:
        return
    try:
        sys.stdout.write("".join(f"{each}\n" for each in lines))
        sys.stdout.flush()
    except (OSError, ValueError) as error:
        logger.warning("cannot print %s: %s", " ".join(lines), error)


def warn_of_strangers(options: ServeOptions) -> None:
    """Log who may use the apps, where it is not this machine alone."""
    changes = " and change everything in their documents (--authority closed: what they are shown to change)"
    logger.warning(
        "everybody who can reach %s may use these apps%s",
        options.address,
        changes if options.authority == "compat" else "",
    )
    if options.debug:
        logger.warning(
            "everybody who can reach %s is shown tracebacks of these apps, with their paths and their code "
            "(--debug, --dev): use neither where others can reach it",
            options.address,
        )


def reports_of(options: ServeOptions, site: Site) -> Reports:
    """What a server says of itself.

    Raises:
        ConfigurationError: what that needs is missing.
    """
    return Reports(site.hub, options.stats_milliseconds / 1000, options.memory_milliseconds / 1000)


def transport_of(options: ServeOptions, around: Surroundings) -> Transport:
    """How bytes go.

    Raises:
        ConfigurationError: certificate and key are not usable.
    """
    return Transport(
        encryption=encryption(around.certificate, around.certificate_key, around.certificate_password),
        compression_level=options.compression_level,
        compression_memory=options.compression_memory,
    )
