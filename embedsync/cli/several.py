"""``--num-procs``: several processes on one port, and visitors come back to theirs."""

from __future__ import annotations

import asyncio
import logging
import multiprocessing
import os
import re
import signal
import socket
from multiprocessing.context import SpawnProcess

from embedsync.asgi.page_options import PageOptions
from embedsync.asgi.pages import ENDPOINT
from embedsync.asgi.protocol import ASGIApplication, Receive, Scope, Send
from embedsync.cli.children import follow_parent
from embedsync.cli.choosing import Chooser, endpoint_of
from embedsync.cli.front import Front
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
from embedsync.cli.site import make_site
from embedsync.cli.surroundings import Surroundings
from embedsync.errors import ConfigurationError

__all__ = ["serve_several"]

logger = logging.getLogger("embedsync.cli")

_BEFORE_ANOTHER = 1.0
"""Seconds from the end of a process that has died to the start of the next."""
_CLOSING = 5.0
"""Seconds for a process to end, beyond those that app code has."""


def serve_several(options: ServeOptions, around: Surroundings, secret_key: str) -> None:
    """Serve the apps in several processes until a signal comes.

    Raises:
        ConfigurationError: an app, an option or the port is not usable, or cannot be shared on this system.
    """
    if not hasattr(socket, "send_fds"):
        raise ConfigurationError("--num-procs: processes cannot share a port on this system; use 1")
    transport_of(options, around)
    # What is wrong with an app is told once, and here.
    reports_of(options, make_site(options, around, secret_key))
    with open_place(options, around) as place:
        if place.is_web and not place.is_local:
            warn_of_strangers(options)
        asyncio.run(_Processes(options, around, place, secret_key).run())


class _Processes:
    """Keeps so many processes, and hands visitors to them."""

    def __init__(self, options: ServeOptions, around: Surroundings, place: Place, secret_key: str) -> None:
        self._options = options
        self._around = around
        self._place = place
        self._secret_key = secret_key
        self._number = options.processes or os.cpu_count() or 1
        self._channels: dict[int, socket.socket] = {}
        self._complete = asyncio.Event()

    async def run(self) -> None:
        """Serve until a signal comes."""
        stopping = asyncio.Event()
        loop = asyncio.get_running_loop()
        for each in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(each, stopping.set)
        front = Front(
            self._place.sockets,
            Chooser(self._number).choose,
            self._hand,
            reads=self._around.certificate is None,
        )
        tasks = [loop.create_task(self._keep(each)) for each in range(self._number)]
        tasks += [loop.create_task(self._tell()), loop.create_task(front.run())]
        await stopping.wait()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _tell(self) -> None:
        await self._complete.wait()
        announce(self._options, self._place)

    async def _keep(self, number: int) -> None:
        """Run a process under a number, and another when it has died."""
        while True:
            ours, theirs = socket.socketpair(socket.AF_UNIX)
            with ours:
                process = self._start(number, theirs)
                try:
                    await self._attend(number, ours)
                finally:
                    self._channels.pop(number, None)
                    await asyncio.shield(asyncio.to_thread(self._end, process))
            logger.error("process %d has ended with %s; another takes its place", number, process.exitcode)
            await asyncio.sleep(_BEFORE_ANOTHER)

    def _start(self, number: int, channel: socket.socket) -> SpawnProcess:
        # Visitors come by the channel, so the sockets stay here.
        given = (
            self._options,
            self._around,
            self._place.without_sockets(),
            self._secret_key,
            number,
            channel,
        )
        process = multiprocessing.get_context("spawn").Process(target=_serve, args=given)
        with channel:
            process.start()
        return process

    async def _attend(self, number: int, channel: socket.socket) -> None:
        """Let a process have visitors once it has said that it is ready; returns when it is gone."""
        loop = asyncio.get_running_loop()
        channel.setblocking(False)
        while await loop.sock_recv(channel, 1):
            self._channels[number] = channel
            if len(self._channels) == self._number:
                self._complete.set()

    def _end(self, process: SpawnProcess) -> None:
        process.terminate()
        process.join(self._options.stop_timeout + _CLOSING)
        process.kill()
        process.join()

    def _hand(self, number: int, visitor: socket.socket) -> bool:
        channel = self._channels.get(number)
        if channel is None:
            return False  # It starts, or another does in its place.
        try:
            socket.send_fds(channel, [b"v"], [visitor.fileno()])
        except OSError:
            return False
        return True


def _serve(
    options: ServeOptions,
    around: Surroundings,
    place: Place,
    secret_key: str,
    number: int,
    channel: socket.socket,
) -> None:
    """What each process does."""
    set_up_logging(options, around.log_level)
    follow_parent()
    # Files are the same in all processes, and have one address, so that browsers keep them once.
    site = make_site(
        options,
        around,
        secret_key,
        PageOptions(endpoint=endpoint_of(number)),
        asset_url=lambda path: f"../{ENDPOINT}/{path}",
    )
    numbered = _Numbered(site.application(place), prefix_of(options))

    def ready() -> None:
        channel.send(b"r")

    run_server(
        options,
        around,
        place,
        site,
        application=numbered,
        visitors=channel,
        on_started=ready,
    )


class _Numbered:
    """Answers below endpoints that have the number of a process as below the one without.

    Of any process: a connection that is kept goes on with the process that it began with, and a browser may
    ask on it for the ticket of a page that another has made. Sockets always have connections of their own.
    """

    def __init__(self, application: ASGIApplication, prefix: str) -> None:
        self._application = application
        self._numbered = re.compile(rf"{re.escape(prefix)}/{ENDPOINT}-\d+/")
        self._endpoint = f"{prefix}/{ENDPOINT}/"

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] in ("http", "websocket") and (found := self._numbered.match(scope["path"])):
            scope = {**scope, "path": self._endpoint + scope["path"][found.end() :]}
        await self._application(scope, receive, send)
