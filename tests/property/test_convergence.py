"""Promises 1, 2 and 3: browsers and server end up equal, each edit counts once, no gap is applied.

A Hypothesis state machine drives the real session, inbox and codec against the replicas of
`peer.py`, over links that it delays, stalls and cuts.
"""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable

from hypothesis import HealthCheck, Phase, currently_in_test_context, settings
from hypothesis import event as hypothesis_event
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from embedsync import wire
from embedsync.document import Buffer
from embedsync.inbox import Inbox, WaitingEdit
from embedsync.replica import Replica
from embedsync.session import Accepted, CatchUp, Session
from embedsync.settings import Settings
from tests.property.peer import Peer
from tests.property.toy import Node, ToyDocument

PEERS = st.integers(0, 2)
PICK = st.integers(0, 5)


def event(what: str) -> None:
    """Note for the statistics that something worth knowing has happened."""
    if currently_in_test_context():
        hypothesis_event(what)


class Link:
    """One socket between the server and a peer; both queues are flushed by the test."""

    def __init__(self, limit: int) -> None:
        self.to_peer: deque[bytes] = deque()
        self.to_server: deque[bytes] = deque()
        self.limit = limit
        self.refused = False
        self.replica: Replica | None = None
        self.closed: int | None = None
        self.called: list[Callable[[], None]] = []
        self.asleep = False
        """Whether something was pushed that nobody was woken for."""

    # The viewer that the session pushes to.

    def push(
        self,
        payload: bytes,
        *,
        seq: int | None = None,
        always: bool = False,
        snapshot: bool = False,
        more_follows: bool = False,
    ) -> bool:
        if not always and len(self.to_peer) >= self.limit:
            self.refused = True
            return False
        self.to_peer.append(wire.frame(1, payload))
        self.asleep = more_follows
        return True

    def wake(self) -> None:
        self.asleep = False

    def call_on_writer(self, function: Callable[[], None]) -> bool:
        self.called.append(function)
        return True

    def write(self) -> None:
        called, self.called = self.called, []
        for function in called:
            function()

    def close(self, code: int, *, error: str = "", detail: str = "") -> None:
        self.closed = code


class Convergence(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.peers = [Peer() for _ in range(3)]
        self.links: list[Link | None] = [None] * 3
        self.inbox: Inbox[tuple[str, Replica]] = Inbox()
        self.secrets = 0
        self.clicks_accepted = 0
        self.work = 0
        self.timers: list[Callable[[], None]] = []

    @initialize(log_ops=st.sampled_from([2, 5, 100]), holds=st.booleans(), brief=st.booleans())
    def begin(self, log_ops: int, holds: bool = False, brief: bool = False) -> None:
        self.document = ToyDocument()
        self.session = Session(
            "s",
            "e1",
            self.document,
            Settings(log_ops=log_ops),
            call_later=self._call_later if holds else None,
            clock=(lambda: 0.0) if brief else None,
        )
        self.session.delivery.many = 1
        for at in range(2):
            self.connect(at, 50)
        self.run_turns(2)
        for at in range(2):
            self.deliver_to_peer(at, 2)

    # Network.

    @rule(at=PEERS, limit=st.sampled_from([1, 3, 50]))
    def connect(self, at: int, limit: int) -> None:
        if self.links[at] is not None:
            return
        link = self.links[at] = Link(limit)
        peer = self.peers[at]
        opening = peer.resume()
        if opening is None:
            self.secrets += 1
            link.replica = Replica(f"c{at}", f"secret{self.secrets}")
            self.inbox.put(("attach", link.replica))
            link.replica.viewer = link
        else:
            peer.outbox.clear()
            link.to_server.append(wire.frame(1, wire.encode_payload(opening)))
            peer.resend()
            self._collect(at)

    @rule(at=PEERS)
    def cut(self, at: int) -> None:
        link = self.links[at]
        if link is None:
            return
        event("cut with frames under way" if link.to_peer or link.to_server else "cut")
        if link.replica is not None:
            self.session.detach(link.replica, link)
        self.links[at] = None
        self.peers[at].live = False
        self.peers[at].outbox.clear()

    @rule(at=PEERS, limit=st.sampled_from([1, 3, 50]), lost=st.integers(0, 3))
    def bounce(self, at: int, limit: int, lost: int) -> None:
        """A short drop: some of what was under way arrives, the rest is lost, and it is back."""
        self.deliver_to_server(at, lost)
        self.cut(at)
        self.connect(at, limit)

    @rule(at=PEERS)
    def peer_acknowledges(self, at: int) -> None:
        self.peers[at].acknowledge()
        self._collect(at)

    @rule(at=PEERS, count=st.integers(1, 6))
    def deliver_to_server(self, at: int, count: int) -> None:
        self._collect(at)
        link = self.links[at]
        for _ in range(count):
            if link is None or not link.to_server:
                return
            self._serve(at, link, link.to_server.popleft())

    @rule(at=PEERS, count=st.integers(1, 6))
    def deliver_to_peer(self, at: int, count: int) -> None:
        link = self.links[at]
        for _ in range(count):
            if link is None or not link.to_peer:
                break
            _, frame, _ = wire.decode_server_frame(link.to_peer.popleft())
            self.peers[at].receive(frame)
        self._collect(at)
        if link is not None and link.refused and len(link.to_peer) < link.limit:
            link.refused = False
            assert link.replica is not None
            if self.session.drained(link.replica) is CatchUp.SNAPSHOT:
                self.inbox.put(("snapshot", link.replica))

    @rule(count=st.integers(1, 4))
    def run_turns(self, count: int) -> None:
        for _ in range(count):
            self._turn()

    @rule(at=PEERS)
    def writer_runs(self, at: int) -> None:
        if (link := self.links[at]) is not None and link.called:
            event("ops were released on a writer")
            link.write()

    @rule()
    def timers_run(self) -> None:
        timers, self.timers = self.timers, []
        for timer in timers:
            timer()

    # People.

    @rule(at=PEERS, pick=PICK, value=st.integers(-1, 12))
    def person_sets_value(self, at: int, pick: int, value: int) -> None:
        if (identifier := self._node_of(at, pick)) is not None:
            self.peers[at].change(identifier, "value", value)
            self.work += 1

    @rule(at=PEERS, pick=PICK, numbers=st.lists(st.integers(0, 99), min_size=1, max_size=2))
    def person_appends(self, at: int, pick: int, numbers: list[int]) -> None:
        if (identifier := self._node_of(at, pick)) is not None:
            self.peers[at].append(identifier, numbers)

    @rule(at=PEERS, pick=PICK, numbers=st.lists(st.integers(-5, 99), max_size=2))
    def person_replaces_items(self, at: int, pick: int, numbers: list[int]) -> None:
        if (identifier := self._node_of(at, pick)) is not None:
            self.peers[at].change(identifier, "items", numbers)

    @rule(at=PEERS, pick=PICK)
    def person_clicks(self, at: int, pick: int) -> None:
        if (identifier := self._node_of(at, pick)) is not None:
            self.peers[at].click(identifier)

    @rule(at=PEERS, pick=PICK, value=st.integers(0, 9))
    def person_adds_node(self, at: int, pick: int, value: int) -> None:
        if (identifier := self._node_of(at, pick)) is not None and self.peers[at].opened is not None:
            self.peers[at].adopt(identifier, value)

    # The application, outside of edits: timers, threads, other sessions.

    @rule(pick=PICK, value=st.integers(0, 10))
    def server_sets_value(self, pick: int, value: int) -> None:
        self.document.set(self._server_node(pick), "value", value)
        self.session.commit()

    @rule(pick=PICK, numbers=st.lists(st.integers(100, 199), min_size=1, max_size=2))
    def server_appends(self, pick: int, numbers: list[int]) -> None:
        node = self._server_node(pick)
        self.document.append(node, numbers)
        if len(numbers) > 1:
            self.document.set(node, "items", numbers)
            self.document.append(node, numbers)
        self.session.commit()

    @rule(pick=PICK)
    def server_adds_node(self, pick: int) -> None:
        child = self.document.new_node(value=5, child=self.document.new_node(value=6))
        self.document.nodes[child.get("child").id] = child.get("child")
        self.document.set(self._server_node(pick), "child", child)
        self.session.commit()

    @rule(pick=PICK)
    def server_removes_node(self, pick: int) -> None:
        self.document.set(self._server_node(pick), "child", None)
        self.session.commit()

    @rule(pick=PICK, which=st.integers(0, 9))
    def server_brings_node_back(self, pick: int, which: int) -> None:
        reachable = self.document.reachable()
        away = [each for name, each in sorted(self.document.nodes.items()) if name not in reachable]
        if away:
            node = away[which % len(away)]
            if node.get("child") is None or node.get("child").id not in reachable:
                event("a node came back")
                self.document.set(self._server_node(pick), "child", node)
                self.session.commit()

    @invariant()
    def nobody_is_poisoned(self) -> None:
        for peer in self.peers:
            assert peer.poisoned is None, peer.poisoned

    def teardown(self) -> None:
        if not hasattr(self, "session"):
            return
        for at in range(3):
            if self.links[at] is None and self.peers[at].opened is not None:
                self.connect(at, 50)
        for _ in range(400):
            for at in range(3):
                self.deliver_to_server(at, 50)
            self.run_turns(20)
            self.timers_run()
            for at in range(3):
                self.deliver_to_peer(at, 50)
            if self._quiet():
                break
        else:
            raise AssertionError("the traffic does not stop")
        for peer in self.peers:
            if peer.live:
                event("compared")
                assert peer.state() == self.document.state()
                assert not peer.pending, "everything was answered"
                assert not peer.held
                assert set(peer.models) == set(peer.state()), "what is gone was evicted"
        assert self.document.known <= set(self.document.reachable())

    # Inside.

    def _call_later(self, seconds: float, call: Callable[[], None]) -> None:
        self.timers.append(call)

    def _collect(self, at: int) -> None:
        peer, link = self.peers[at], self.links[at]
        if link is not None:
            for frame in peer.outbox:
                buffers: list[Buffer] = []
                link.to_server.append(wire.frame(1, wire.encode_payload(frame, buffers)))
        peer.outbox.clear()

    def _serve(self, at: int, link: Link, message: bytes) -> None:
        _, frame, buffers = wire.decode_client_frame(message)
        if isinstance(frame, wire.Open):
            assert frame.resume is not None
            replica = link.replica = self.session.replicas[frame.resume.client]
            self.secrets += 1
            todo = self.session.resume(replica, link, frame.resume, f"secret{self.secrets}", grace=1.0)
            event(f"resume: {todo.name}")
            if todo is CatchUp.SNAPSHOT:
                self.inbox.put(("snapshot", replica))
            return
        assert link.replica is not None
        match frame:
            case wire.Edit():
                if self.session.accept(link.replica, frame) is Accepted.NEW:
                    self.inbox.put_edit(link.replica, frame, buffers, self.document.outline(frame.events))
                else:
                    event("an edit came twice")
            case wire.Ack():
                self.session.acknowledge(link.replica, frame.cseq)
            case wire.Resync():
                self.session.distrust(link.replica, frame.cseq)
                self.inbox.put(("snapshot", link.replica))

    def _turn(self) -> None:
        turn = self.inbox.take()
        match turn:
            case None:
                return
            case WaitingEdit():
                if turn.merged:
                    event("waiting edits merged")
                for _ in self.session.edit(turn.replica, turn.edit, turn.buffers, turn.merged):
                    raise AssertionError("the toy has no asynchronous callbacks")
            case ("attach", replica):
                if replica.viewer is not None:
                    self.session.attach(replica, replica.viewer, grace=1.0)
            case ("snapshot", replica):
                self.session.send_snapshot(replica)
        assert not any(link.asleep for link in self.links if link is not None), (
            "a turn has left something behind"
        )

    def _node_of(self, at: int, pick: int) -> str | None:
        nodes = self.peers[at].reachable()
        return nodes[pick % len(nodes)] if nodes else None

    def _server_node(self, pick: int) -> Node:
        nodes = list(self.document.reachable().values())
        return nodes[pick % len(nodes)]

    def _quiet(self) -> bool:
        for at in range(3):
            self._collect(at)
        links = [each for each in self.links if each is not None]
        if self.timers:
            return False
        return not len(self.inbox) and all(not (each.to_peer or each.to_server) for each in links)


Convergence.TestCase.settings = settings(
    max_examples=int(os.environ.get("EMBEDSYNC_EXAMPLES", "150")),
    stateful_step_count=60,
    deadline=None,
    # To explain a failure it traces each line, longer than a test may take: nothing would be told of it.
    phases=set(Phase) - {Phase.explain},
    suppress_health_check=list(HealthCheck),
)
TestConvergence = Convergence.TestCase


# Failures that were found once, and sequences that the machine comes to too seldom.


def begun() -> Convergence:
    machine = Convergence()
    machine.begin(log_ops=100)
    return machine


def test_a_delta_made_while_an_earlier_one_is_unanswered_meets_the_writes_of_others() -> None:
    machine = begun()
    machine.person_appends(at=1, pick=0, numbers=[1])
    machine.person_appends(at=0, pick=0, numbers=[2])
    machine.deliver_to_server(at=1, count=1)
    machine.run_turns(count=1)
    machine.deliver_to_peer(at=0, count=1)
    machine.person_appends(at=0, pick=0, numbers=[3])
    machine.teardown()
    assert machine.document.state()["root"]["items"] == [1, 2, 3]


def test_a_delta_made_on_a_value_that_is_refused_afterwards_is_corrected() -> None:
    machine = begun()
    machine.person_replaces_items(at=0, pick=0, numbers=[-1])
    machine.person_appends(at=0, pick=0, numbers=[2])
    machine.teardown()
    assert machine.document.state()["root"]["items"] == [2]


def test_an_answer_older_than_a_snapshot_changes_nothing() -> None:
    machine = Convergence()
    machine.begin(log_ops=2)
    machine.bounce(at=0, limit=1, lost=0)
    machine.deliver_to_peer(at=0, count=2)
    machine.person_appends(at=0, pick=0, numbers=[0])
    machine.server_adds_node(pick=0)
    machine.person_appends(at=0, pick=0, numbers=[0])
    machine.person_adds_node(at=0, pick=0, value=0)
    machine.person_replaces_items(at=0, pick=0, numbers=[])
    machine.teardown()


def test_a_browser_that_was_let_in_and_cut_before_the_document_came_gets_it_when_it_resumes() -> None:
    machine = begun()
    machine.connect(at=2, limit=50)
    machine.run_turns(count=1)
    machine.deliver_to_peer(at=2, count=1)
    machine.bounce(at=2, limit=50, lost=0)
    machine.teardown()
    assert machine.peers[2].state() == machine.document.state()
