"""The document of a live session, as it is built, and the core's session that keeps it from then on."""

from __future__ import annotations

import threading
from collections.abc import Awaitable, Callable, Generator, Iterator
from typing import Any, cast

from embedsync import wire
from embedsync.assets import Assets
from embedsync.document import Document, DocumentHost, Meeting, Snapshot
from embedsync.errors import Refused
from embedsync.inbox import WaitingEdit
from embedsync.live.visit import Visit
from embedsync.replica import Replica
from embedsync.session import Session
from embedsync.settings import Settings

__all__ = ["Built"]


class Built:
    """What is built in a session. Its methods are turns, but for those that say otherwise.

    Args:
        visit: whose app fills the document.
        settings: bounds.
        random_id: names this build of the document.
        assets: knows the URLs of the scripts that documents name.
        on_refused: told of each edit that is refused.
        call_later: the scheduler.
        clock: seconds that never go back.
        expect_long: told when something begins that may take long.

    Attributes:
        core: the core's session; none before a visitor has come and the document is there, nor after the end.
    """

    def __init__(
        self,
        visit: Visit,
        settings: Settings,
        random_id: Callable[[], str],
        assets: Assets,
        on_refused: Callable[[Replica, Refused], None],
        call_later: Callable[[float, Callable[[], None]], object],
        clock: Callable[[], float],
        expect_long: Callable[[], None],
    ) -> None:
        self.core: Session | None = None
        self._visit = visit
        self._settings = settings
        self._random_id = random_id
        self._assets = assets
        self._on_refused = on_refused
        self._call_later = call_later
        self._clock = clock
        self._expect_long = expect_long
        self._document: Document | None = None
        self._snapshot: Snapshot | None = None

    @property
    def document(self) -> Document | None:
        """The document, once it is built, be it ahead of its visitor."""
        core = self.core
        return core.document if core is not None else self._document

    @property
    def weight(self) -> int:
        """Bytes of the log, the document and what it remembers, as far as they are known. Needs no turn."""
        core, snapshot = self.core, self._snapshot
        if core is None:
            return snapshot.size if snapshot is not None else 0
        return core.log_bytes + core.snapshot_bytes + core.document.remembered_bytes

    def build_ahead(self, host: DocumentHost) -> Generator[Awaitable[Any], Any, None]:
        """Build the document before its visitor has come, and encode it."""
        self._expect_long()
        document = yield from self._visit.app.recipe.build(host, self._visit.info)
        self._document = document
        with document.context():
            self._snapshot = document.snapshot()

    def build(self, host: DocumentHost) -> Generator[Awaitable[Any], Any, None]:
        """Build the document for a visitor, unless that was done, and hand it to the core's session."""
        document, snapshot = self._document, self._snapshot
        if document is None:
            self._expect_long()
            document = yield from self._visit.app.recipe.build(host, self._visit.info)
        else:
            cast("Meeting", document).meet(self._visit.info)
        self.core = Session(
            self._visit.id,
            self._random_id(),
            document,
            self._settings,
            script_url=lambda name: self._assets.script_url(document.kind, name),
            on_refused=self._on_refused,
            recover=self._visit.app.recover and not self._visit.meeting,
            lock=threading.RLock(),
            snapshot=snapshot,
            call_later=self._call_later,
            clock=self._clock,
            expect_long=self._expect_long,
        )
        self._document = self._snapshot = None

    def edit_turn(self, waiting: WaitingEdit) -> Iterator[Awaitable[Any]]:
        """Take an edit of a browser."""
        core = self.core
        if core is None:
            return iter(())  # Nobody is attached yet; this cannot be.
        return core.edit(waiting.replica, waiting.edit, waiting.buffers, waiting.merged)

    def commit(self) -> None:
        """App code has run: publish what it has changed. The document has to be encoded anew."""
        self._snapshot = None
        if (core := self.core) is not None:
            core.forget_snapshot()
            core.commit()

    def notify(self, notice: wire.Notice) -> None:
        """Tell all browsers something, if any are here. Needs no turn."""
        if (core := self.core) is not None:
            core.notify(notice)

    def let_go(self) -> None:
        """Whoever still knows the session keeps no log of it, nor the bytes in there. After the last turn."""
        self.core = self._document = self._snapshot = None
