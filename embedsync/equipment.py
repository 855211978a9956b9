"""What all sessions of a process share: its clock, threads, timers, log, counts and bounds."""

from __future__ import annotations

from collections.abc import Callable

from embedsync.apploop import AppLoop
from embedsync.assets import Assets
from embedsync.audit import Audit
from embedsync.builds import Builds
from embedsync.counters import Counters
from embedsync.heap import Heap
from embedsync.interpreter import Interpreter
from embedsync.last_resort import LastResort
from embedsync.logbook import Logbook
from embedsync.one_by_one import OneByOne
from embedsync.pool import Pool
from embedsync.scheduler import Scheduler
from embedsync.settings import Settings
from embedsync.watchdog import Watchdog

__all__ = ["Equipment"]

_IDLE = 0.5
"""Seconds without any turn after which nobody is taken to wait for one."""


class Equipment:
    """Makes and holds it. Nothing of it starts before it is first used.

    Args:
        settings: bounds and waits.
        audit_key: keeps what the audit says of users from being guessed.
        clock: seconds that never go back.
        random_id: makes ids and secrets that cannot be guessed.
        asset_url: makes the URL of a file that browsers load.

    Attributes:
        loop: awaits what app code awaits.
        scheduler: its timers.
        pool: threads that run turns.
        builds: the order in which documents are built.
        endings: takes apart what has ended.
        interpreter: tunes the process while there are sessions.
        watchdog: looks after turns that take long.
    """

    def __init__(
        self,
        settings: Settings,
        audit_key: str | bytes,
        *,
        clock: Callable[[], float],
        random_id: Callable[[], str],
        asset_url: Callable[[str], str],
    ) -> None:
        self.settings = settings
        self.clock = clock
        self.random_id = random_id
        self.assets = Assets(asset_url, join=not settings.debug)
        self.counters = Counters()
        LastResort.stand_by()
        self.logbook = Logbook(
            settings.log_lines, on_dropped=lambda: self.counters.count("log_lines_dropped")
        )
        self.audit = Audit(audit_key, settings, clock=clock, count=self.counters.count)
        self.loop = AppLoop()
        self.scheduler = Scheduler(clock)
        self.pool = Pool(
            settings.workers,
            settings.workers_limit,
            settings.long_turn,
            clock=clock,
            call_later=self.scheduler.call_later,
            lost_limit=settings.lost_threads,
        )
        self.builds = Builds(self.pool, clock=clock, call_later=self.scheduler.call_later)
        self.endings = OneByOne(self.pool)
        self.interpreter = Interpreter(
            self.scheduler.call_later,
            self.pool.submit,
            is_idle=lambda: clock() - self.pool.idles_since() >= _IDLE,
            heap=Heap.of_this_process() if settings.tune_interpreter else None,
        )
        self.watchdog = Watchdog(settings, clock=clock, call_later=self.scheduler.call_later)
