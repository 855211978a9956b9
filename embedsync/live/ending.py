"""The end of a session: browsers are told, hooks run as the last turn, everything is let go. Once."""

from __future__ import annotations

import logging
import threading
from collections.abc import Awaitable, Callable, Generator
from typing import Any

from embedsync import wire
from embedsync.equipment import Equipment
from embedsync.errors import MailboxFull, SessionEnded
from embedsync.live.built import Built
from embedsync.live.failures import Failures
from embedsync.live.known_replicas import KnownReplicas
from embedsync.live.leaving import Leaving
from embedsync.live.presence import Presence
from embedsync.live.turns import Turns
from embedsync.live.visit import Visit
from embedsync.mailbox import Mailbox

__all__ = ["Ending"]

logger = logging.getLogger("embedsync.session")


class Ending:
    """Ends a session.

    Args:
        equipment: the process's.
        visit: knows the names of the app and the session.
        built: the document.
        mailbox: runs the last turn.
        turns: for what hooks await.
        presence: who is here.
        known: who may come back.
        leaving: tells the app of browsers that were lost.
        failures: takes what hooks raise.
        on_ending: told when the session begins to end.
        on_finishing: told when the last turn is over.
        on_ended: told when nothing is left.
    """

    def __init__(
        self,
        equipment: Equipment,
        visit: Visit,
        built: Built,
        mailbox: Mailbox,
        turns: Turns,
        *,
        presence: Presence,
        known: KnownReplicas,
        leaving: Leaving,
        failures: Failures,
        on_ending: Callable[[], None],
        on_finishing: Callable[[], None],
        on_ended: Callable[[], None],
    ) -> None:
        self._equipment = equipment
        self._visit = visit
        self._built = built
        self._mailbox = mailbox
        self._turns = turns
        self._presence = presence
        self._known = known
        self._leaving = leaving
        self._failures = failures
        self._on_ending = on_ending
        self._on_finishing = on_finishing
        self._on_ended = on_ended
        self._lock = threading.Lock()
        self._finished = False

    def end(self, code: int, *, error: str = "", detail: str = "") -> None:
        """End the session as soon as the running turn has ended."""
        self._begin(code, self._close_mailbox, error=error, detail=detail)

    def end_if_deserted(self) -> bool:
        """End the session if nobody is here. Says whether it ends by this."""
        return self._begin(wire.Close.SESSION_GONE, self._close_mailbox, if_deserted=True)

    def drain(self) -> None:
        """End the session when what waits now is done, so that nothing of it is lost."""
        try:
            self._mailbox.post(lambda: self.end(wire.Close.DRAIN))
        except MailboxFull:
            self.end(wire.Close.DRAIN)
        except SessionEnded:
            logger.debug("session %s ends already", self._visit.id)

    def give_up(self) -> None:
        """End the session without waiting for the turn that is running."""
        if not self._begin(wire.Close.TOO_SLOW, self._give_up_mailbox):
            # It has ended already, and not even its last hooks come back.
            self._lose(self._mailbox.abandon())
            self._finish()

    def _begin(
        self,
        code: int,
        close: Callable[[], None],
        *,
        error: str = "",
        detail: str = "",
        if_deserted: bool = False,
    ) -> bool:
        """Begin to end, once. Says whether it was this call that began."""
        attached = self._presence.close(if_deserted=if_deserted)
        if attached is None:
            return False
        self._on_ending()
        if (core := self._built.core) is not None:
            core.close(code)
        for attachment in attached:
            attachment.close(code, error=error, detail=detail)
        close()
        return True

    def _close_mailbox(self) -> None:
        self._mailbox.close(self._last_turn, self._last_turn_failed)

    def _give_up_mailbox(self) -> None:
        self._lose(self._mailbox.give_up(self._last_turn, self._last_turn_failed))

    def _lose(self, thread: int | None) -> None:
        if thread is not None:
            self._equipment.pool.lose(thread)

    def _last_turn(self) -> Generator[Awaitable[Any], Any, None]:
        try:
            if (document := self._built.document) is not None:
                yield from self._turns.each(self._leaving.tell_of_losses())
                yield from self._turns.each(document.end())
        finally:
            self._finish()

    def _last_turn_failed(self, error: BaseException) -> None:
        self._failures.report(error, "the end of the session")
        self._finish()

    def _finish(self) -> None:
        """Let go of everything, once, when it is this session's turn to."""
        with self._lock:
            if self._finished:
                return
            self._finished = True
        self._on_finishing()
        self._equipment.endings.submit(self._let_go)

    def _let_go(self) -> None:
        try:
            if (document := self._built.document) is not None:
                document.destroy()
        finally:
            self._built.let_go()
            self._known.end()
            self._on_ended()
            logger.info("app %r: session %s ended", self._visit.app.name, self._visit.id)
