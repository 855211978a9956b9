"""uvicorn, set up for our sockets and stopped in our order."""

from __future__ import annotations

import asyncio
import contextlib
import signal
import socket
import threading
from collections.abc import Callable
from dataclasses import dataclass
from types import FrameType
from typing import Any

import uvicorn

from embedsync.asgi.protocol import ASGIApplication
from embedsync.cli.compression import compressing
from embedsync.cli.encryption import Encryption
from embedsync.cli.reports import Reports
from embedsync.hub import Hub

__all__ = ["Server", "Transport"]

_CLOSING = 3
"""Seconds in which sockets that were told to close may do so."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Transport:
    """How bytes go.

    Attributes:
        encryption: for https.
        compression_level: from 0 to 9.
        compression_memory: from 1 to 9. If this and the level are ``None``, messages are not compressed.
    """

    encryption: Encryption | None = None
    compression_level: int | None = None
    compression_memory: int | None = None

    @property
    def compresses(self) -> bool:
        """Whether messages are compressed."""
        return self.compression_level is not None or self.compression_memory is not None


class Server(uvicorn.Server):
    """Serves an application until a signal comes; then the hub stops first, and the sockets follow.

    Args:
        application: what is served.
        hub: its hub.
        on_started: called once connections are taken.
        visitors: by which another process hands over connections; see :mod:`embedsync.cli.several`.
        on_stopping: called when it begins to stop.
        transport: how bytes go.
        reports: written while it runs.
    """

    def __init__(
        self,
        application: ASGIApplication,
        hub: Hub,
        on_started: Callable[[], None],
        *,
        visitors: socket.socket | None = None,
        on_stopping: Callable[[], None] = lambda: None,
        transport: Transport | None = None,
        reports: Reports | None = None,
    ) -> None:
        self._hub = hub
        self._reports = reports
        transport = transport or Transport()
        self._on_started = on_started
        self._on_stopping = on_stopping
        self._visitors = visitors
        self._arriving: set[asyncio.Task[None]] = set()
        super().__init__(
            uvicorn.Config(
                application,
                lifespan="off",  # `shutdown` below stops the hub, earlier than `lifespan` would.
                log_config=None,
                access_log=False,
                server_header=False,
                timeout_graceful_shutdown=_CLOSING,
                ws_max_size=hub.settings.message_bytes,
                # Frames are mostly small, or numbers that hardly compress; zlib would cost memory per socket.
                ws_per_message_deflate=False,
                ws=_protocol(transport),
                **_encrypted(transport.encryption),
                # The connection sends its own pings, which also carry positions.
                ws_ping_interval=None,
                ws_ping_timeout=None,
            )
        )

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Begin to take connections."""
        await super().startup(sockets)
        if self.started:
            self._hub.start()
            if self._visitors is not None:
                self._visitors.setblocking(False)
                asyncio.get_running_loop().add_reader(self._visitors, self._take, self._visitors)
            self._on_started()

    def _take(self, visitors: socket.socket) -> None:
        """Take the connections that were handed over."""
        try:
            _, given, _, _ = socket.recv_fds(visitors, 1, 1)
        except OSError:
            return
        for each in given:
            task = asyncio.get_running_loop().create_task(self._welcome(socket.socket(fileno=each)))
            self._arriving.add(task)
            task.add_done_callback(self._arriving.discard)

    async def _welcome(self, visitor: socket.socket) -> None:
        try:
            await asyncio.get_running_loop().connect_accepted_socket(
                self._protocol, visitor, ssl=self.config.ssl
            )
        except OSError:  # They have left, or do not speak TLS.
            visitor.close()

    def _protocol(self) -> asyncio.Protocol:
        make: Any = self.config.http_protocol_class
        protocol: asyncio.Protocol = make(
            config=self.config, server_state=self.server_state, app_state=self.lifespan.state
        )
        return protocol

    async def main_loop(self) -> None:
        """Serve until a signal comes."""
        async with self._reports.running() if self._reports else contextlib.nullcontext():
            await super().main_loop()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Stop: browsers are told to come back, sessions end, then everything closes."""
        if self._visitors is not None:
            asyncio.get_running_loop().remove_reader(self._visitors)
        self._on_stopping()
        # A thread that nobody waits for: in a hurry, app code that hangs does not keep the process.
        stopping = threading.Thread(target=self._hub.stop, daemon=True)
        stopping.start()
        # The signal handler sets a flag and cannot wake us, so we look.
        while stopping.is_alive() and not self.force_exit:  # noqa: ASYNC110
            await asyncio.sleep(0.02)
        await super().shutdown(sockets)

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Take a signal: the first one asks to stop, an interrupt after that hurries.

        The signal is not raised again at the end, as uvicorn would: to be stopped is no failure.
        """
        if self.should_exit and sig == signal.SIGINT:
            self.force_exit = True
        self.should_exit = True


def _protocol(transport: Transport) -> Any:
    if not transport.compresses:
        return "auto"
    return compressing(transport.compression_level, transport.compression_memory)


def _encrypted(encryption: Encryption | None) -> dict[str, Any]:
    if encryption is None:
        return {}
    return {
        "ssl_certfile": encryption.certificate,
        "ssl_keyfile": encryption.key,
        "ssl_keyfile_password": encryption.password,
    }
