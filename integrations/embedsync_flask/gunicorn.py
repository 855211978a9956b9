"""A configuration for gunicorn: ``gunicorn -c python:embedsync_flask.gunicorn app:app``.

It gives each worker threads for open pages, and makes a worker that is told to stop close its
sockets, so that browsers come back to the next one instead of being cut after gunicorn's
``graceful_timeout``. A site with a configuration of its own imports the hook from here::

    from embedsync_flask.gunicorn import post_worker_init
"""

from __future__ import annotations

import signal
import threading
from types import FrameType
from typing import Any

from embedsync.running import stop_all

__all__ = ["post_worker_init", "threads", "worker_class", "workers"]

worker_class = "gthread"
workers = 1
"""Sessions live in one process: with more workers, the proxy in front needs sticky sessions."""
threads = 64
"""Each open page holds one."""

_STOPPING = (signal.SIGTERM, signal.SIGINT, signal.SIGQUIT)


def post_worker_init(worker: Any) -> None:
    """Close the sockets of this worker as soon as it is told to stop."""
    for each in _STOPPING:
        _add_handler(each)


def _add_handler(number: int) -> None:
    before = signal.getsignal(number)

    def stop(received: int, frame: FrameType | None) -> None:
        # On a thread: a handler interrupts code that may hold any lock.
        threading.Thread(target=stop_all, name="embedsync-stop", daemon=True).start()
        if callable(before):
            before(received, frame)

    signal.signal(number, stop)
