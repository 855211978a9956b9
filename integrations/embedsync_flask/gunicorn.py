"""A configuration for gunicorn: ``gunicorn -c python:embedsync_flask.gunicorn app:app``.

It gives each worker threads, and as many files for open pages as the machine grants, and makes a worker
that is told to stop close its sockets, so that browsers come back to the next one instead of being cut after
gunicorn's ``graceful_timeout``. A site with a configuration of its own imports the hook from here::

    from embedsync_flask.gunicorn import post_worker_init
"""

from __future__ import annotations

import signal
import sys
import threading
from collections.abc import Callable
from types import FrameType
from typing import Any

from embedsync.forks import let_forks_end_by
from embedsync.running import stop_all
from embedsync_flask.capacity import announce_threads, make_room_for_files

__all__ = ["post_worker_init", "threads", "worker_class", "workers"]

worker_class = "gthread"
workers = 1
"""Sessions live in one process: with more workers, the proxy in front needs sticky sessions."""
threads = 64
"""For requests. With gunicorn's own TLS (``certfile``) each open page holds one as well."""

_STOPPING = (signal.SIGTERM, signal.SIGINT, signal.SIGQUIT)


def post_worker_init(worker: Any) -> None:
    """Make room for pages; close their sockets once the worker is told to stop."""
    make_room_for_files()
    if worker.cfg.workers > 1 and worker.age == 1:  # The first one says it for all.
        worker.log.warning(
            "%d workers share one address, and a live app runs in the one that its page has reached first: "
            "whoever comes back after a lost connection may reach another one, and begins anew. Use one "
            "worker with threads, or several gunicorns behind a proxy that sends a browser to the same one",
            worker.cfg.workers,
        )
    if worker.cfg.worker_class_str == "gthread" and worker.cfg.is_ssl:
        announce_threads(worker.cfg.threads)
    for each in _STOPPING:
        _add_handler(each)
    let_forks_end_by(_STOPPING)


def _in_background(call: Callable[[], None]) -> None:
    gevent = sys.modules.get("gevent")
    if gevent is not None and sys.modules["gevent.monkey"].is_module_patched("threading"):
        gevent.spawn(call)  # To start a thread there is to wait for it, and a handler must not wait.
    else:
        # The process ends when it is done.
        threading.Thread(target=call, name="embedsync-stop", daemon=False).start()


def _add_handler(number: int) -> None:
    before = signal.getsignal(number)

    def stop(received: int, frame: FrameType | None) -> None:
        # Not here: a handler interrupts code that may hold any lock.
        _in_background(stop_all)
        if callable(before):
            before(received, frame)

    signal.signal(number, stop)
