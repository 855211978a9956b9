"""The process that takes connections and hands them on, without the processes."""

import asyncio
import contextlib
import logging
import socket

import pytest

from embedsync.cli import front
from embedsync.cli.front import Front


class Process:
    """Takes a visitor when it was asked a while."""

    def __init__(self) -> None:
        self.asked = 0
        self.takes_at: float = 1

    def take(self, number: int, visitor: socket.socket) -> bool:
        assert number == 7
        self.asked += 1
        return self.asked >= self.takes_at


async def visit(process: Process, *takes_at: float) -> None:
    """Connect again and again, and wait each time until the connection is closed."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        made = Front([listener], lambda head, address: 7, process.take, reads=True)
        running = asyncio.ensure_future(made.run())
        try:
            for each in takes_at:
                process.asked, process.takes_at = 0, each
                reader, writer = await asyncio.open_connection(*listener.getsockname())
                writer.write(b"GET / HTTP/1.1\r\n\r\n")
                with contextlib.suppress(ConnectionResetError):  # What was said is read by nobody here.
                    await reader.read()
                writer.close()
        finally:
            running.cancel()


def test_who_comes_while_a_process_starts_is_handed_on_when_it_is_there(
    caplog: pytest.LogCaptureFixture,
) -> None:
    process = Process()
    asyncio.run(visit(process, 5))
    assert process.asked == 5
    assert not caplog.records


def test_a_process_that_takes_nobody_is_told_once_until_it_does(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(front, "_STARTING", 0.05)
    never = float("inf")
    with caplog.at_level(logging.WARNING):
        asyncio.run(visit(Process(), never, never))
        assert ["process 7 has taken nobody" in each for each in caplog.messages] == [True]
        asyncio.run(visit(Process(), never, 1, never, never))
    assert len(caplog.messages) == 3
