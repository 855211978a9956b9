"""Processes that a server starts for itself."""

from __future__ import annotations

import multiprocessing
import signal
import threading

__all__ = ["follow_parent"]


def follow_parent() -> None:
    """End with the process that has started this one, however that one ends."""
    parent = multiprocessing.parent_process()
    if parent is None:
        return

    def wait() -> None:
        parent.join()
        signal.raise_signal(signal.SIGTERM)

    threading.Thread(target=wait, daemon=True).start()
