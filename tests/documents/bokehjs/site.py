"""A server with one session, and browsers of it, over links that are slow when a test wants it."""

from __future__ import annotations

import contextvars
import json
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import bokeh

from embedsync import wire
from embedsync.documents import load
from embedsync.documents.bokeh.document import BokehDocument
from embedsync.errors import Refused
from embedsync.inbox import Inbox, WaitingEdit
from embedsync.replica import Replica
from embedsync.session import Accepted, CatchUp, Session
from embedsync.settings import Settings
from tests.documents.bokeh.harness import Host, info, run_steps
from tests.documents.bokehjs.browsers import Browser, Browsers

_PRUNES = tuple(map(int, bokeh.__version__.split(".")[:2])) >= (3, 10)


class Visit:
    """One browser and its socket, while there is one."""

    def __init__(self, browser: Browser) -> None:
        self.browser = browser
        self.replica: Replica | None = None
        self.link: Link | None = None


class Link:
    """One socket. What the browser sent waits in the browser's outbox."""

    def __init__(self, limit: int) -> None:
        self.to_browser: deque[bytes] = deque()
        self.limit = limit
        self.refused = False
        self.attachment = 0

    def push(
        self,
        payload: bytes,
        *,
        seq: int | None = None,
        always: bool = False,
        snapshot: bool = False,
        more_follows: bool = False,
    ) -> bool:
        if not always and len(self.to_browser) >= self.limit:
            self.refused = True
            return False
        self.to_browser.append(wire.frame(self.attachment, payload))
        return True

    def close(self, code: int, *, error: str = "", detail: str = "") -> None:
        raise AssertionError(f"closed with {code} {error} {detail}")


class Site:
    """A session in one thread: nothing moves unless it is told to.

    Args:
        browsers: where its browsers come from.
        app: fills the document.
        log_ops: how many ops the session keeps.
    """

    def __init__(self, browsers: Browsers, app: Callable[[Any], None], log_ops: int = 1000) -> None:
        self.host = Host()
        context = contextvars.copy_context()
        document = context.run(run_steps, load(app).build(self.host, info()))
        assert isinstance(document, BokehDocument)
        self.document = document
        self.doc = document.bokeh
        self.refusals: list[Refused] = []
        self.resyncs: list[str] = []
        settings = Settings(log_ops=log_ops, heartbeat=3600.0, message_bytes=1 << 30)
        self.session = Session("s", "e", document, settings, on_refused=self._refused)
        self.visits: list[Visit] = []
        self._browsers = browsers
        self._inbox: Inbox[tuple[str, Visit]] = Inbox()
        self._names = 0

    # The application.

    def do(self, change: Callable[[], Any]) -> None:
        """Let app code change something, in a turn that is committed."""
        with self._turn():
            change()
            self.session.commit()

    # Browsers come and go.

    def visit(self, limit: int = 1000) -> Visit:
        """A browser opens the page and is connected."""
        visit = Visit(self._browsers.open())
        self.visits.append(visit)
        self.connect(visit, limit)
        return visit

    def connect(self, visit: Visit, limit: int = 1000) -> None:
        """The browser's network is there (again)."""
        if visit.link is None:
            visit.link = Link(limit)
            visit.browser.connect()

    def disconnect(self, visit: Visit) -> None:
        """The browser's network is gone."""
        if visit.link is None:
            return
        if visit.replica is not None:
            self.session.detach(visit.replica, visit.link)
        visit.link = None
        visit.browser.disconnect()

    # Traffic.

    def to_browser(self, visit: Visit, count: int = 1000) -> None:
        """Deliver frames of the server."""
        link = visit.link
        if link is None:
            return
        frames = [link.to_browser.popleft() for _ in range(min(count, len(link.to_browser)))]
        if frames:
            visit.browser.receive(*frames)
        if link.refused and len(link.to_browser) < link.limit and visit.replica is not None:
            link.refused = False
            if self.session.drained(visit.replica) is CatchUp.SNAPSHOT:
                self._inbox.put(("snapshot", visit))

    def to_server(self, visit: Visit, count: int = 1000) -> None:
        """Deliver frames of the browser."""
        outbox = visit.browser.outbox
        while visit.link is not None and outbox and count > 0:
            count -= 1
            self._serve(visit, visit.link, outbox.pop(0))

    def turns(self, count: int = 1000) -> None:
        """Run turns that wait."""
        for _ in range(count):
            if self.host.turns:
                turn = self.host.turns.popleft()
                with self._turn():
                    run_steps(turn())
                    self.session.commit()
            elif len(self._inbox):
                self._take()
            else:
                return

    def settle(self) -> None:
        """Let the traffic come to its end, with everybody connected."""
        for visit in self.visits:
            self.connect(visit)
        for _ in range(100):
            for visit in self.visits:
                self.to_server(visit)
            self.turns()
            for visit in self.visits:
                self.to_browser(visit)
            if self._is_quiet():
                return
        raise AssertionError("the traffic does not stop")

    def check(self) -> dict[str, Any]:
        """Everybody holds what a browser holds that has only just come. Returns that."""
        self.settle()
        fresh = self.visit()
        self.settle()
        wanted = _told(fresh.browser.state())
        self.visits.remove(fresh)
        fresh.browser.close()
        for number, visit in enumerate(self.visits):
            found = difference(_told(visit.browser.state()), wanted)
            assert found is None, f"browser {number}: {found}"
        # A page may change what it cannot send; anything else is a fault of the runtime.
        assert [each for each in self.resyncs if "is not serializable" not in each] == []
        return wanted

    def close(self) -> None:
        """All pages are closed."""
        for visit in self.visits:
            visit.browser.close()
        self.visits.clear()
        self._browsers.reports.clear()

    # Inside.

    @contextmanager
    def _turn(self) -> Iterator[None]:
        with self.document.context():
            yield

    def _serve(self, visit: Visit, link: Link, message: bytes) -> None:
        attachment, frame, buffers = wire.decode_client_frame(message)
        match frame:
            case wire.Open(resume=None):
                self._names += 1
                link.attachment = attachment
                visit.replica = Replica(f"c{self._names}", f"secret{self._names}")
                self._inbox.put(("attach", visit))
            case wire.Open(resume=wire.Resume() as position):
                assert visit.replica is not None
                link.attachment = attachment
                self._names += 1
                secret = f"secret{self._names}"
                if self.session.resume(visit.replica, link, position, secret, grace=1.0) is CatchUp.SNAPSHOT:
                    self._inbox.put(("snapshot", visit))
            case wire.Edit() if visit.replica is not None:
                if self.session.accept(visit.replica, frame) is Accepted.NEW:
                    self._inbox.put_edit(visit.replica, frame, buffers, self.document.outline(frame.events))
            case wire.Ack() if visit.replica is not None:
                self.session.acknowledge(visit.replica, frame.cseq)
            case wire.Resync():
                self.resyncs.append(frame.reason)
                self._inbox.put(("snapshot", visit))

    def _take(self) -> None:
        with self._turn():
            match self._inbox.take():
                case WaitingEdit() as waiting:
                    run_steps(
                        self.session.edit(waiting.replica, waiting.edit, waiting.buffers, waiting.merged)
                    )
                case ("attach", visit) if visit.link is not None and visit.replica is not None:
                    self.session.attach(visit.replica, visit.link, grace=1.0)
                case ("snapshot", visit) if visit.replica is not None:
                    self.session.send_snapshot(visit.replica)

    def _refused(self, replica: Replica, refused: Refused) -> None:
        self.refusals.append(refused)

    def _is_quiet(self) -> bool:
        waiting = any(each.browser.outbox or (each.link and each.link.to_browser) for each in self.visits)
        return not (waiting or self.host.turns or len(self._inbox))


def _told(state: dict[str, Any]) -> dict[str, Any]:
    """What a browser holds and was told, or tells.

    From 3.10 on BokehJS drops selected rows by itself that its data have lost, and keeps that to itself.
    """
    if _PRUNES:
        for model in state["models"].values():
            if model["type"] == "Selection":
                model["attributes"].pop("indices")
    return state


def difference(one: Any, other: Any, path: str = "") -> str | None:
    """Where two states differ first."""
    if isinstance(one, dict) and isinstance(other, dict):
        for key in [*one, *(each for each in other if each not in one)]:
            if key not in one or key not in other:
                return f"{path}.{key}: only in {'the first' if key in one else 'the second'}"
            if (found := difference(one[key], other[key], f"{path}.{key}")) is not None:
                return found
        return None
    return (
        None
        if one == other and type(one) is type(other)
        else f"{path}: {json.dumps(one)} != {json.dumps(other)}"
    )
