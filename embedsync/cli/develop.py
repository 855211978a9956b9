"""``--dev``: the server starts again in a new process when a file changes, on the same sockets.

Sockets stay open in this process, so whoever comes while the next one starts waits a moment and is served.
"""

from __future__ import annotations

import logging
import multiprocessing
import secrets
import signal
import threading
from collections.abc import Iterator
from dataclasses import replace
from multiprocessing.context import SpawnProcess
from types import FrameType

from watchfiles import watch

from embedsync.asgi.page_options import PageOptions
from embedsync.cli.children import follow_parent
from embedsync.cli.generation import Generation
from embedsync.cli.options import ServeOptions
from embedsync.cli.places import Place, open_place, prefix_of
from embedsync.cli.running import (
    announce,
    reports_of,
    run_server,
    set_up_logging,
    transport_of,
    warn_of_strangers,
)
from embedsync.cli.site import apps_of, make_site
from embedsync.cli.surroundings import Surroundings
from embedsync.cli.watching import Watched, watched_files
from embedsync.errors import ConfigurationError

__all__ = ["changes_of", "develop"]

logger = logging.getLogger("embedsync.cli")

_LOOK = 500
"""Milliseconds between looks at whether the server still runs, and whether it is to stop."""


def develop(options: ServeOptions, around: Surroundings, secret_key: str) -> None:
    """Serve the apps until a signal comes, always as their files are now.

    Raises:
        ConfigurationError: an option or the port is not usable. What is wrong with an app, its page tells.
    """
    options = replace(options, debug=True)
    # What is wrong beside the apps is told now.
    transport_of(options, around)
    reports_of(options, make_site(replace(options, paths=()), around, secret_key))
    watched = watched_files(list(apps_of(options).values()), options.watched)
    with open_place(options, around) as place:
        if place.is_web and not place.is_local:
            warn_of_strangers(options)
        servers = _Servers(options, around, place, secret_key)
        stopping = threading.Event()

        def stop(number: int, frame: FrameType | None) -> None:
            stopping.set()

        for each in (signal.SIGINT, signal.SIGTERM):
            signal.signal(each, stop)
        servers.start()
        announced = False
        try:
            for paths in changes_of(watched, stopping):
                if paths:
                    logger.info("starting again: %s", ", ".join(paths))
                    servers.stop()
                    servers.start()
                else:
                    servers.look()
                if not announced:
                    # Not before files are watched: that they are begins with the loop.
                    announced = True
                    announce(options, place)
        finally:
            servers.stop()


def changes_of(watched: Watched, stopping: threading.Event) -> Iterator[list[str]]:
    """The paths that have changed, each time that some have, and none in between.

    Raises:
        ConfigurationError: the machine lets no more files be watched.
    """
    try:
        for changes in watch(
            *watched.folders,
            watch_filter=watched.concerns,
            stop_event=stopping,
            rust_timeout=_LOOK,
            yield_on_timeout=True,
            raise_interrupt=False,
            recursive=False,
        ):
            yield sorted({path for _, path in changes})
    except (OSError, RuntimeError) as error:
        raise ConfigurationError(
            f"--dev: files cannot be watched: {error}; raise fs.inotify.max_user_instances and "
            "fs.inotify.max_user_watches of this machine, or set WATCHFILES_FORCE_POLLING=1"
        ) from error


class _Servers:
    """The server of now; there is one after the other."""

    def __init__(self, options: ServeOptions, around: Surroundings, place: Place, secret_key: str) -> None:
        self._given = (options, around, place, secret_key)
        self._process: SpawnProcess | None = None

    def start(self) -> None:
        """Start one."""
        context = multiprocessing.get_context("spawn")
        self._process = context.Process(target=_serve, args=self._given)
        self._process.start()

    def stop(self) -> None:
        """Let it end in good order; later without."""
        process, self._process = self._process, None
        if process is None:
            return
        process.terminate()
        process.join(self._given[0].stop_timeout + 5)
        process.kill()
        process.join()

    def look(self) -> None:
        """Say so if it has ended by itself."""
        if self._process is not None and not self._process.is_alive():
            code = self._process.exitcode
            logger.error("the server has ended with %s; it starts again with the next change", code)
            self._process = None


def _serve(options: ServeOptions, around: Surroundings, place: Place, secret_key: str) -> None:
    """What the process of a server does."""
    set_up_logging(options, around.log_level)
    follow_parent()
    name = secrets.token_urlsafe(8)
    try:
        site = make_site(options, around, secret_key, PageOptions(generation=name))
    except ConfigurationError as mistake:
        logger.error("%s", mistake)
        fault = PageOptions(generation=name, fault=str(mistake))
        site = make_site(replace(options, paths=()), around, secret_key, fault)
    generation = Generation(site.application(place), prefix_of(options), name)
    run_server(options, around, place, site, application=generation, on_stopping=generation.end)
