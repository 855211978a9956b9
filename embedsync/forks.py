"""Processes that app code forks, of a server that handles signals: they end by them, as by default."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Iterable

__all__ = ["let_forks_end_by"]


def let_forks_end_by(numbers: Iterable[int]) -> None:
    """See to it that signals do to processes forked from this one what they do by default: they end them.

    With the handlers of the server, which stop a server that they do not have, ``terminate`` of
    ``multiprocessing`` would not end them, and the server would wait for them at its own end. It is not for
    the handlers to find out where they run: Python forgets a signal that comes while it forks, and calls no
    handler for one that comes right before a system call that waits.

    Does nothing where processes are not forked (Windows).

    Args:
        numbers: the signals.
    """
    if not hasattr(os, "register_at_fork"):
        return
    numbers = frozenset(numbers)
    forking = threading.local()

    def hold() -> None:
        # The mask is kept first: a handler may run, and raise, as soon as signals are held back.
        forking.mask = signal.pthread_sigmask(signal.SIG_BLOCK, ())
        signal.pthread_sigmask(signal.SIG_BLOCK, numbers)

    def go_on() -> None:
        signal.pthread_sigmask(signal.SIG_SETMASK, forking.mask)

    def begin() -> None:
        for number in numbers:
            signal.signal(number, signal.SIG_DFL)
        go_on()

    os.register_at_fork(before=hold, after_in_parent=go_on, after_in_child=begin)
