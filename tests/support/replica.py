"""A browser in Python that keeps to PROTOCOL.md, comes back by itself, and writes down what happens to it.

It differs from `session.js` in one thing: it shows its own edits when their result comes rather than at
once. So it needs to hold nothing back, its document has gone through the server's states one by one, and
must in the end be the server's.
"""

from __future__ import annotations

import contextlib
import json
import re
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from socket import IPPROTO_TCP, TCP_NODELAY
from typing import Any
from urllib.parse import urljoin

from websockets.exceptions import ConnectionClosed, WebSocketException
from websockets.sync.client import ClientConnection, connect

from embedsync import wire
from embedsync.document import Buffer, Event, EventKind, Patch, Snapshot
from tests.contract.client import elements_of, origin_of
from tests.documents.bokeh.harness import Mirror
from tests.support.history import History

__all__ = ["Replica", "message"]

WAIT = 30.0
_PAUSE = 0.02


@dataclass
class _Sent:
    """An edit that was not answered yet."""

    frame: wire.Edit
    buffers: list[Buffer]
    name: Any


@dataclass
class _Standing:
    """What a replica knows of its session. Another session, another standing.

    Attributes:
        unanswered: edits that no result and no snapshot has settled.
        unheard: edits whose result has not come, though a snapshot may have settled them.
    """

    opened: wire.Opened | None = None
    epoch: str = ""
    seq: int = 0
    cseq: int = 0
    unanswered: dict[int, _Sent] = field(default_factory=dict)
    unheard: dict[int, _Sent] = field(default_factory=dict)
    poisoned: bool = False

    @property
    def answered(self) -> int:
        """All results up to this number have come."""
        return min(self.unheard, default=self.cseq + 1) - 1


class Replica:
    """One document of one page, on a socket of its own that is made again whenever it is lost.

    Args:
        page: URL of the page; it is loaded again for a ticket whenever one is needed.
        port: of a proxy to connect through, in place of the page's own.
        history: where it writes what happens.
        headers: of its requests.
    """

    def __init__(
        self,
        page: str,
        *,
        port: int | None = None,
        history: History | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        self.history = history if history is not None else History()
        self._page = page
        self._port = port
        self._headers = dict(headers or {})
        self._changed = threading.Condition()
        self.closed: wire.Closed | None = None
        """What the server said last when it ended the attachment."""
        self._standing = _Standing()
        self._socket: ClientConnection | None = None
        self._stopped = False
        self._is_in = False
        """Whether the server has let it in, on the present connection."""
        self.mirror: Mirror | None = None
        self.notices: list[wire.Notice] = []
        self.results: dict[int, wire.Result] = {}
        self.closes: list[int] = []
        """Codes with which the server sent this replica away, attachment or socket."""
        self.pings = 0
        self.connects = 0
        self.recoveries: list[bool] = []
        """What the server has said of each resume."""
        self.sessions: list[str] = []
        self.snapshots = self.resyncs = self.duplicates = 0
        self.ended_with: int | None = None
        """The code that made it stop for good."""
        self.failure: BaseException | None = None
        """What the replica itself could not bear: a frame that a browser could not either."""
        self._endpoint = ""
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    # For tests.

    @property
    def opened(self) -> wire.Opened:
        opened = self._standing.opened
        assert opened is not None, "it was not let in"
        return opened

    @property
    def session(self) -> str:
        return self.opened.session

    @property
    def epoch(self) -> str:
        return self._standing.epoch

    @property
    def seq(self) -> int:
        return self._standing.seq

    @property
    def cseq(self) -> int:
        """The number of the last edit."""
        return self._standing.cseq

    def edit(self, *events: dict[str, Any], name: Any = None, buffers: list[Buffer] | None = None) -> int:
        """Make an edit; it is sent now or as soon as there is a connection. Returns its number.

        Waits while as many are under way as were agreed.
        """
        with self._changed:
            self.wait(lambda: self.mirror is not None and self.has_room())
            standing = self._standing
            standing.cseq += 1
            frame = wire.Edit(
                cseq=standing.cseq, base=standing.seq, epoch=standing.epoch, events=list(events)
            )
            sent = _Sent(frame, buffers or [], name)
            standing.unanswered[standing.cseq] = standing.unheard[standing.cseq] = sent
            if name is not None:
                self.history.invoke(name)
            if standing.opened is not None and self._socket is not None:
                self._send_edit(self._socket, sent)
            return standing.cseq

    def set(self, model: str, attribute: str, value: Any, name: Any = None) -> int:
        """Change a property of the model that the app calls ``model``."""
        event = {"kind": "ModelChanged", "model": {"id": self.id_of(model)}, "attr": attribute, "new": value}
        return self.edit(event, name=name)

    def say(self, kind: str, data: Any, name: Any = None) -> int:
        """Send a message to the app; such an edit is never merged with another.

        It goes into the history under its name; by default what it carries, which then must be new.
        """
        return self.edit(message(kind, data), name=data if name is None else name)

    def leave(self) -> None:
        """Go for good, in good order."""
        with self._changed:
            self._stopped = True
            socket = self._socket
            if socket is not None:
                with contextlib.suppress(WebSocketException, OSError):
                    self._send(socket, wire.Detach())
        if socket is not None:
            socket.close()
        self._thread.join(WAIT)

    def vanish(self) -> None:
        """Be gone without a word, and do not come back."""
        with self._changed:
            self._stopped = True
            socket = self._socket
        if socket is not None:
            with contextlib.suppress(OSError):
                socket.socket.shutdown(2)
        self._thread.join(WAIT)

    def lose_connection(self) -> None:
        """The link breaks; the replica comes back by itself."""
        socket = self._socket
        if socket is not None:
            with contextlib.suppress(OSError):
                socket.socket.shutdown(2)

    def __enter__(self) -> Replica:
        return self

    def __exit__(self, *exc: object) -> None:
        self.leave()

    def wait(self, condition: Callable[[], Any], timeout: float = WAIT) -> Any:
        """Wait until ``condition`` returns something true; returns that."""
        with self._changed:
            came = self._changed.wait_for(lambda: self.failure is not None or condition(), timeout)
            if self.failure is not None:
                raise self.failure
            assert came, f"it did not come: {self}"
            return condition()

    def wait_shown(self) -> Replica:
        """Wait for the document."""
        self.wait(lambda: self.mirror is not None)
        return self

    def wait_settled(self, timeout: float = WAIT) -> Replica:
        """Wait until all edits are answered and everything that the server has sent is here."""
        self.wait(self._is_settled, timeout)
        pings = self.pings
        # A ping comes after all that was sent before, and says how far that was.
        self.wait(lambda: self.pings > pings and self._is_settled(), timeout)
        return self

    def result(self, cseq: int) -> wire.Result:
        """Wait for the answer to an edit of the present session."""
        return self.wait(lambda: next((each for n, each in sorted(self.results.items()) if n >= cseq), None))

    def id_of(self, name: str) -> str:
        """The id of the model that the app calls ``name``."""
        assert self.mirror is not None
        found = [i for i, each in self.mirror.models.items() if each["attributes"].get("name") == name]
        assert len(found) == 1, f"{len(found)} models are named {name!r}"
        return found[0]

    def value(self, name: str, attribute: str = "value") -> Any:
        """What this replica shows."""
        with self._changed:
            assert self.mirror is not None
            return self.mirror.models[self.id_of(name)]["attributes"].get(attribute)

    def wait_for_value(self, name: str, value: Any, attribute: str = "value") -> None:
        self.wait(lambda: self.mirror is not None and self.value(name, attribute) == value)

    def state(self) -> Any:
        """The whole document as this replica has it."""
        with self._changed:
            assert self.mirror is not None
            self.mirror.forget_unreachable()
            return self.mirror.title, self.mirror.roots, self.mirror.models

    def truth(self) -> Any:
        """The whole document as the server has it: by a snapshot, which this replica then goes on with."""
        with self._changed:
            count = self.snapshots
            self._resync("a test wants to know")
        self.wait(lambda: self.snapshots > count)
        return self.state()

    def check_equal_to_the_servers(self) -> None:
        """What came op by op is what the server has."""
        mine = self.state()
        assert mine == self.truth()

    def __repr__(self) -> str:
        standing = self._standing
        return (
            f"seq {standing.seq}, edits {standing.cseq}, unanswered {list(standing.unanswered)[:5]}, "
            f"connects {self.connects}, closes {self.closes}, recoveries {self.recoveries[-3:]}, "
            f"ended with {self.ended_with}, {'connected' if self._socket else 'not connected'}"
        )

    # The connection.

    def _run(self) -> None:
        while not self._stopped:
            try:
                self._connect()
            except (OSError, WebSocketException) as error:
                self._lost(error)
            except Exception as error:  # noqa: BLE001 - it is raised where the test waits
                self.failure = error
                self._lost(error)
                return
            if not self._stopped:
                time.sleep(_PAUSE)

    def _connect(self) -> None:
        opened, ticket = self._standing.opened, ""
        if opened is None:
            element = elements_of(self._page, self._headers)[0]
            self._endpoint, ticket = element.endpoint, element.ticket
        url = re.sub("^http", "ws", urljoin(self._endpoint, "socket"))
        if self._port is not None:
            url = re.sub(r":\d+/", f":{self._port}/", url, count=1)
        with connect(
            url,
            additional_headers={"Origin": origin_of(url), **self._headers},
            max_size=None,
            max_queue=None,
            open_timeout=WAIT,
            close_timeout=1,
            ping_interval=None,
            proxy=None,
            compression=None,
        ) as socket:
            socket.socket.setsockopt(IPPROTO_TCP, TCP_NODELAY, 1)
            with self._changed:
                if self._stopped:
                    return
                self.connects += 1
                self._is_in = False
                if opened is None:
                    self._send(socket, wire.Open(protocol=1, ticket=ticket))
                else:
                    self._resume(socket, opened)
                self._socket = socket
            try:
                while True:
                    self._receive(socket, socket.recv())
            except ConnectionClosed as closed:
                if closed.rcvd is not None and closed.rcvd_then_sent:
                    self._sent_away(closed.rcvd.code)
                raise

    def _resume(self, socket: ClientConnection, opened: wire.Opened) -> None:
        standing = self._standing
        position = wire.Resume(
            session=opened.session,
            client=opened.client,
            secret=opened.secret,
            epoch="" if standing.poisoned else standing.epoch,
            seq=standing.seq,
            cseq=standing.answered,
        )
        self._send(socket, wire.Open(protocol=1, resume=position))
        for sent in list(standing.unanswered.values()):
            self._send_edit(socket, sent)

    def _lost(self, error: BaseException) -> None:
        with self._changed:
            self._socket = None
            self.history.note("lost", f"{type(error).__name__}: {error}")
            self._changed.notify_all()

    def _sent_away(self, code: int) -> None:
        """Do what the code asks of a browser."""
        with self._changed:
            self.closes.append(code)
            self.history.note("closed", code)
            action = wire.action_of(code)
            if action is wire.Action.REOPEN:
                self._begin_anew()
            elif action in (wire.Action.STOP, wire.Action.RELOAD):
                self.ended_with = code
                self._stopped = True
            self._changed.notify_all()

    def _begin_anew(self) -> None:
        """The session is gone: what was not answered will never be."""
        self._standing = _Standing()
        self.results.clear()
        self.mirror = None

    def _send(self, socket: ClientConnection, frame: wire.ClientFrame, number: int = 1) -> None:
        socket.send(wire.frame(number, wire.encode_payload(frame)))

    def _send_edit(self, socket: ClientConnection, sent: _Sent) -> None:
        # What is lost on its way is sent again after the reconnect.
        with contextlib.suppress(WebSocketException, OSError):
            socket.send(wire.frame(1, wire.encode_payload(sent.frame, sent.buffers)))

    def _resync(self, reason: str) -> None:
        standing = self._standing
        standing.poisoned = True
        resync = wire.Resync(epoch=standing.epoch, seq=standing.seq, cseq=standing.answered, reason=reason)
        if self._socket is not None:
            with contextlib.suppress(WebSocketException, OSError):
                self._send(self._socket, resync)

    # Frames.

    def _receive(self, socket: ClientConnection, received: bytes | str) -> None:
        assert isinstance(received, bytes), "all frames are binary"
        number, frame, buffers = wire.decode_server_frame(received)
        with self._changed:
            if number == 0:
                self._own_frame(socket, frame)
            else:
                self._frame(frame, buffers)
            self._changed.notify_all()

    def _own_frame(self, socket: ClientConnection, frame: wire.ServerFrame) -> None:
        if isinstance(frame, wire.Notice):
            self.notices.append(frame)
        if not isinstance(frame, wire.Ping):
            return
        self._send(socket, wire.Pong(), 0)
        standing = self._standing
        self.pings += 1
        if (
            standing.opened is not None
            and not standing.poisoned
            and standing.seq < frame.positions.get("1", 0)
        ):
            self.resyncs += 1
            self._resync("a ping says that something was lost")

    def _frame(self, frame: wire.ServerFrame, buffers: dict[str, bytes]) -> None:
        match frame:
            case wire.Opened():
                self._opened(frame)
            case wire.SnapshotFrame() | wire.Op() | wire.Result() if not self._is_in:
                self.resyncs += 1
                self._resync("something has overtaken that this replica was let in")
            case wire.SnapshotFrame():
                self._snapshot(frame, buffers)
            case wire.Op() if not self._standing.poisoned:
                self._op(frame, buffers)
            case wire.Result():
                self._result(frame, buffers)
            case wire.Notice():
                self.notices.append(frame)
            case wire.Closed():
                self._closed(frame)

    def _opened(self, frame: wire.Opened) -> None:
        if self._is_in:
            return  # It came twice.
        self._is_in = True
        standing = self._standing
        if standing.opened is None:
            self.sessions.append(frame.session)
        else:
            self.recoveries.append(frame.recovered)
            standing.poisoned |= not frame.recovered
        standing.opened = frame
        self.history.note("opened", frame.recovered)

    def _closed(self, frame: wire.Closed) -> None:
        self.closed = frame
        self._sent_away(frame.code)
        if self._socket is not None:
            # One document, one socket: where a browser makes another attachment, this makes another socket.
            self._socket.close()

    def _snapshot(self, frame: wire.SnapshotFrame, buffers: dict[str, bytes]) -> None:
        standing = self._standing
        assert standing.epoch in ("", frame.epoch), "another build of the document has another session"
        start, standing.seq = standing.seq, frame.seq
        standing.epoch, standing.poisoned = frame.epoch, False
        content = bytes(frame.document)
        self.mirror = Mirror(Snapshot(content, [Buffer(i, data) for i, data in buffers.items()]))
        self.snapshots += 1
        self.history.step("snapshot", frame.epoch, start, frame.seq)
        for each in [n for n in standing.unanswered if n <= frame.cseq]:
            del standing.unanswered[each]

    def _op(self, frame: wire.Op, buffers: dict[str, bytes]) -> None:
        standing = self._standing
        if frame.seq <= standing.seq:
            self.duplicates += 1
            return
        if frame.from_ != standing.seq:
            self.resyncs += 1
            self._resync(f"op from {frame.from_} at {standing.seq}")
            return
        self._apply([bytes(each) for each in frame.events], frame.gone, buffers)
        standing.seq = frame.seq
        self.history.step("op", standing.epoch, frame.from_, frame.seq)

    def _result(self, frame: wire.Result, buffers: dict[str, bytes]) -> None:
        standing = self._standing
        answers = [each for each in (*frame.supersedes, frame.cseq) if each in standing.unheard]
        if not answers:
            self.duplicates += 1
            return
        self._hear(frame, answers)
        if frame.cseq not in standing.unanswered or standing.poisoned:
            return
        if frame.previous in standing.unheard:
            self.resyncs += 1
            self._resync(f"result {frame.cseq} came before that of {frame.previous}")
        elif not frame.own or self._own_op(frame):
            self._apply([bytes(each) for each in frame.values], [], buffers)
            for each in answers:
                standing.unanswered.pop(each, None)
            self._acknowledge()

    def _hear(self, frame: wire.Result, answers: list[int]) -> None:
        self.results[frame.cseq] = frame
        for each in answers:
            sent = self._standing.unheard.pop(each)
            outcome = "superseded" if each != frame.cseq else "ok" if frame.commit else "refused"
            self.history.outcome(sent.name, outcome)

    def _acknowledge(self) -> None:
        standing = self._standing
        if self._socket is not None:
            with contextlib.suppress(WebSocketException, OSError):
                self._send(self._socket, wire.Ack(seq=standing.seq, cseq=standing.answered))

    def _own_op(self, frame: wire.Result) -> bool:
        """Show an edit of this replica, at its place among the ops; says whether this was its place."""
        standing = self._standing
        if frame.seq != standing.seq + 1:
            self.resyncs += 1
            self._resync(f"own op {frame.seq} at {standing.seq}")
            return False
        edit = standing.unanswered[frame.cseq]
        events = [each for at, each in enumerate(edit.frame.events) if at not in frame.skipped]
        carried = {each.id: bytes(each.data) for each in edit.buffers}
        self._apply([json.dumps(each).encode() for each in events], frame.gone, carried)
        standing.seq = frame.seq
        self.history.step("op", standing.epoch, frame.seq - 1, frame.seq)
        return True

    def _apply(self, events: list[bytes], gone: list[str], buffers: dict[str, bytes]) -> None:
        assert self.mirror is not None
        carried = tuple(Buffer(identifier, data) for identifier, data in buffers.items())
        made = tuple(Event(each, EventKind.WRITE, None, buffers=carried) for each in events)
        self.mirror.apply(Patch(made, tuple(gone)))

    def has_room(self) -> bool:
        opened = self._standing.opened
        return opened is None or len(self._standing.unanswered) < opened.limits.unanswered_edits

    def _is_settled(self) -> bool:
        standing = self._standing
        return (
            self._socket is not None
            and standing.opened is not None
            and not standing.unanswered
            and not standing.poisoned
        )


def message(kind: str, data: Any) -> dict[str, Any]:
    """An event that carries a message to the app."""
    return {"kind": "MessageSent", "msg_type": kind, "msg_data": data}
