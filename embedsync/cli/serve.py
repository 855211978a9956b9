"""``embedsync serve``: what kind of server was asked for."""

from __future__ import annotations

import logging
import secrets

from embedsync.cli.options import ServeOptions
from embedsync.cli.places import open_place
from embedsync.cli.running import announce, run_server, set_up_logging, transport_of, warn_of_strangers
from embedsync.cli.site import make_site
from embedsync.cli.surroundings import Surroundings, surroundings

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
    if options.dev:
        if options.processes != 1:
            logger.info("--dev: one process, whatever --num-procs says")
        # Imported here, as it needs what a server in production does not.
        from embedsync.cli.develop import develop

        develop(options, around, secret_key)
    elif options.processes != 1:
        from embedsync.cli.several import serve_several

        serve_several(options, around, secret_key)
    else:
        _serve_one(options, around, secret_key)


def _serve_one(options: ServeOptions, around: Surroundings, secret_key: str) -> None:
    transport_of(options, around)
    site = make_site(options, around, secret_key)
    with open_place(options, around) as place:
        if place.is_web and not place.is_local:
            warn_of_strangers(options)
        run_server(options, around, place, site, on_started=lambda: announce(options, place))
