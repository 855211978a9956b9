"""A real server, in a thread of the test."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from embedsync import Hub
from embedsync.cli.listen import listen
from embedsync.cli.server import Server


@contextmanager
def running(application: Any, hub: Hub) -> Iterator[str]:
    """Serve an ASGI application; gives the URL of its root. At the end the hub is stopped."""
    started = threading.Event()
    (socket,) = listen("127.0.0.1", 0)
    port = socket.getsockname()[1]
    server = Server(application, hub, started.set)
    thread = threading.Thread(target=server.run, args=([socket],))
    thread.start()
    try:
        assert started.wait(20), "the server does not start"
        yield f"http://127.0.0.1:{port}"
    finally:
        server.should_exit = True
        thread.join()


def until(condition: Any, timeout: float = 20) -> None:
    """Wait for a state that nobody announces."""
    pause, tries = threading.Event(), int(timeout / 0.01)
    for _ in range(tries):
        if condition():
            return
        pause.wait(0.01)
    raise AssertionError("the awaited state did not come")
