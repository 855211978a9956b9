"""``embedsync serve``: from options to a running server."""

from __future__ import annotations

import logging
import os
import secrets
import socket
import sys
import threading
import webbrowser
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import quote

from embedsync.asgi import application
from embedsync.cli.listen import is_loopback, listen
from embedsync.cli.options import ServeOptions, hosts_of, name_apps, origins_of
from embedsync.cli.server import Server
from embedsync.errors import ConfigurationError
from embedsync.hub import Hub
from embedsync.settings import Settings

__all__ = ["serve"]

logger = logging.getLogger("embedsync.cli")

_LOOPBACK = ("localhost", "127.0.0.1", "::1")
_SECRET_KEYS = ("EMBEDSYNC_SECRET_KEY", "BOKEH_SECRET_KEY")
_EVERYWHERE = ("0.0.0.0", "::")  # noqa: S104  (compared with, not bound to)


def serve(options: ServeOptions) -> None:
    """Serve the apps until a signal comes.

    Raises:
        ConfigurationError: an app, an option or the port is not usable.
    """
    _set_up_logging(options.log_level, options.log_format)
    prefix = _prefix(options.prefix)
    named = name_apps(options.paths)
    origins = origins_of(options.allowed_origins)
    # Scripts that read their arguments must not find ours. Those of --args come with the app.
    del sys.argv[1:]
    hub = Hub(_secret_key(), _settings(options, origins))
    for name, path in named.items():
        hub.add_app(name, path, argv=options.app_arguments, script_tag=True, script_arguments=None)
    sockets = listen(options.address, options.port)
    local = is_loopback(sockets)
    if not local:
        _warn_of_strangers(options)
    site = application(
        hub,
        pages=True,
        prefix=prefix,
        hosts=_hosts(options.address, origins) if local else (),
        content_policy=options.content_policy,
        allow_eval=options.allow_eval,
    )
    base = f"http://{_shown_host(options.address)}:{sockets[0].getsockname()[1]}{prefix}"
    server = Server(site, hub, lambda: _announce(base, named, show=options.show))
    server.run(sockets)


def _set_up_logging(level: str, form: str) -> None:
    # `trace` is a word of bokeh serve; there is nothing below debug here.
    logging.basicConfig(level="DEBUG" if level == "trace" else level.upper(), format=form)
    quiet = logging.WARNING if level not in ("trace", "debug") else logging.DEBUG
    for name in ("uvicorn", "uvicorn.error", "asyncio"):
        logging.getLogger(name).setLevel(max(quiet, logging.getLogger().level))


def _warn_of_strangers(options: ServeOptions) -> None:
    changes = " and change everything in their documents (--authority closed: what they are shown to change)"
    logger.warning(
        "everybody who can reach %s may use these apps%s",
        options.address,
        changes if options.authority == "compat" else "",
    )


def _settings(options: ServeOptions, origins: tuple[str, ...]) -> Settings:
    defaults = Settings()
    return Settings(
        debug=options.debug,
        authority=options.authority,
        allowed_origins=origins,
        workers=options.threads,
        workers_limit=max(defaults.workers_limit, options.threads),
        grace=options.grace,
        stop_timeout=options.stop_timeout,
        stock_clients=True,
        # As for `bokeh serve`, whose clients sign by the same variable.
        stock_unsigned=not _wants_signatures(),
    )


def _wants_signatures() -> bool:
    return os.environ.get("BOKEH_SIGN_SESSIONS", "").strip().lower() in ("yes", "on", "true", "1")


def _secret_key() -> str:
    for name in _SECRET_KEYS:
        if key := os.environ.get(name):
            return key
    return secrets.token_urlsafe(32)


def _prefix(given: str) -> str:
    """The prefix with a slash before it and none behind; empty if there is none."""
    inner = given.strip("/")
    if any(each in inner for each in "?#%\\ ") or "//" in inner:
        raise ConfigurationError(f"--prefix {given!r} is no path; write one such as /apps")
    return f"/{inner}" if inner else ""


def _hosts(address: str, origins: tuple[str, ...]) -> tuple[str, ...]:
    if "*" in origins:
        return ()
    return (*_LOOPBACK, address.lower(), *hosts_of(origins))


def _shown_host(address: str) -> str:
    """What to write into an address bar to get to what listens on ``address``."""
    if address in _EVERYWHERE:
        return socket.gethostname()
    return f"[{address}]" if ":" in address else address


def _announce(base: str, named: Mapping[str, Path], *, show: bool) -> None:
    addresses = [f"{base}/{quote(name)}" for name in named]
    for each in addresses:
        sys.stdout.write(f"{each}\n")
    sys.stdout.flush()
    if show:
        # Beside us: some browsers keep the caller waiting.
        page = addresses[0] if len(addresses) == 1 else f"{base}/"
        threading.Thread(target=webbrowser.open, args=(page,), daemon=True).start()
