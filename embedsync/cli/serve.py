"""``embedsync serve``: from options to a running server."""

from __future__ import annotations

import logging
import secrets
import sys
import threading
import webbrowser
from urllib.parse import quote

from embedsync.cli.encryption import encryption
from embedsync.cli.options import ServeOptions
from embedsync.cli.places import Place, open_place
from embedsync.cli.reports import Reports
from embedsync.cli.server import Server, Transport
from embedsync.cli.site import apps_of, make_site
from embedsync.cli.surroundings import Surroundings, surroundings
from embedsync.errors import ConfigurationError

__all__ = ["serve"]

logger = logging.getLogger("embedsync.cli")


def serve(options: ServeOptions) -> None:
    """Serve the apps until a signal comes.

    Raises:
        ConfigurationError: an app, an option or the port is not usable.
    """
    around = surroundings(options)
    set_up_logging(options, around.log_level)
    secret_key = around.secret_key or secrets.token_urlsafe(32)
    transport = transport_of(options, around)
    site = make_site(options, around, secret_key)
    reports = Reports(site.hub, options.stats_milliseconds / 1000, options.memory_milliseconds / 1000)
    with open_place(options, around) as place:
        if place.is_web and not place.is_local:
            warn_of_strangers(options)
        server = Server(
            site.application(place),
            site.hub,
            lambda: announce(options, place),
            transport=transport,
            reports=reports,
        )
        server.run(place.sockets)


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
    for each in addresses:
        sys.stdout.write(f"{each}\n")
    sys.stdout.flush()
    if options.show and place.is_web:
        # Beside us: some browsers keep the caller waiting.
        page = addresses[0] if len(addresses) == 1 else f"{place.base}/"
        threading.Thread(target=webbrowser.open, args=(page,), daemon=True).start()


def warn_of_strangers(options: ServeOptions) -> None:
    """Log who may use the apps, where it is not this machine alone."""
    changes = " and change everything in their documents (--authority closed: what they are shown to change)"
    logger.warning(
        "everybody who can reach %s may use these apps%s",
        options.address,
        changes if options.authority == "compat" else "",
    )


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
