"""The rules of the state machine: what can happen to a :class:`~tests.property.world.World`.

All rules take plain values, so that the steps that Hypothesis prints for a failure can be pasted into a
test as they are.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any, ClassVar

from hypothesis import currently_in_test_context
from hypothesis import event as hypothesis_event
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule

from embedsync.delivery import Delivery
from embedsync.settings import Settings
from tests.property.browsers import Browsers
from tests.property.verdict import judge
from tests.property.watched import WatchedToy
from tests.property.world import Link, World

__all__ = ["DRASTIC", "LAYOUTS", "SETTINGS", "Machine"]

LAYOUTS: dict[str, list[list[str]]] = {
    "three tabs": [["shared"], ["shared"], ["shared"]],
    "alone": [["own"]],
    "a tab alone, two together": [["own"], ["shared"], ["shared"]],
    "two documents on a page": [["shared", "own"], ["shared"]],
}
_COMMON: dict[str, Any] = {"turn_limit": 50.0, "flush_interval": 0.001}
SETTINGS: dict[str, Settings] = {
    "roomy": Settings(**_COMMON),
    "short log": Settings(**_COMMON, log_ops=3, unanswered_edits=2),
    "narrow": Settings(
        **_COMMON,
        queue_bytes=500,
        queue_bytes_hard=3000,
        log_bytes=1500,
        message_bytes=2000,
        mailbox_limit=5,
        unacknowledged_results=6,
        unanswered_edits=3,
    ),
}

DRASTIC = [
    "a_machine_sleeps",
    "a_page_is_loaded_again",
    "a_person_starts_afresh",
    "a_session_is_ended",
    "a_tab_is_closed",
    "a_tab_is_duplicated",
    "much_time_passes",
    "somebody_logs_out",
    "the_app_is_another_now",
    "the_clock_of_a_browser_jumps",
    "the_clock_of_the_server_jumps",
    "the_process_dies",
    "the_process_is_stopped",
]

_ACTS: dict[str, list[Any]] = {
    "append": ["append", [1]],
    "click": ["click"],
    "put": ["put", 3],
    "put what is refused": ["put", -1],
    "put what is clamped": ["put", 11],
    "remove": ["refer", None],
    "say": ["sendBytes", [1, 2, 3]],
    "replace": ["set", "items", [2]],
    "replace by what is refused": ["set", "items", [-2]],
}

PAGE = st.integers(0, 3)
REPLICA = st.integers(0, 3)
MOST_PAGES = 4
PICK = st.integers(0, 4)
COUNT = st.integers(1, 6)
NUMBERS = st.lists(st.integers(0, 99), min_size=1, max_size=2)


class Machine(RuleBasedStateMachine):
    """A world to which things happen. ``browsers`` is set by who runs it; ``seen`` counts what did happen."""

    browsers: Browsers
    seen: ClassVar[Counter[str]] = Counter()

    world: World

    @initialize(
        layout=st.sampled_from(sorted(LAYOUTS)),
        settings=st.sampled_from(sorted(SETTINGS)),
        guarded=st.booleans(),
        begun=st.booleans(),
        many=st.sampled_from([1, 2, Delivery.many]),
    )
    def begin(
        self,
        layout: str = "three tabs",
        settings: str = "roomy",
        guarded: bool = False,
        begun: bool = True,
        many: int = Delivery.many,
    ) -> None:
        self.world = World(
            self.browsers, LAYOUTS[layout], SETTINGS[settings], guarded=guarded, many=many, note=self.note
        )
        if begun:
            self.world.flow()

    def note(self, what: str) -> None:
        """Count something that has happened."""
        self.seen[what] += 1
        if currently_in_test_context():
            hypothesis_event(what)

    # Time and traffic.

    @rule(page=PAGE, server=COUNT, turns=st.integers(0, 4), browser=COUNT)
    def traffic(self, page: int, server: int, turns: int, browser: int) -> None:
        """Some of what is under way arrives."""
        link = self.link(page)
        self.world.connect(link.page)
        self.world.to_server(link, server)
        self.world.run_turns(turns)
        self.world.to_browser(link, browser)

    @rule(page=PAGE, count=COUNT)
    def messages_reach_the_server(self, page: int, count: int) -> None:
        self.world.to_server(self.link(page), count)

    @rule(page=PAGE, count=COUNT)
    def messages_reach_the_browser(self, page: int, count: int) -> None:
        self.world.to_browser(self.link(page), count)

    @rule(count=COUNT, which=PICK)
    def threads_run_turns(self, count: int, which: int) -> None:
        self.world.run_turns(count, which)

    @precondition(lambda self: self.world.writers)
    @rule()
    def writers_call_what_they_were_asked_to(self) -> None:
        self.world.run_writers()

    @precondition(lambda self: self.world.loop.awaited)
    @rule(which=PICK)
    def something_awaited_ends(self, which: int) -> None:
        self.note("a turn went on after it had waited")
        self.world.loop.end(which)

    @rule()
    def everything_arrives(self) -> None:
        self.world.round(ends=False)
        self.world.round(ends=False)

    @rule(seconds=st.sampled_from([0.2, 1.0, 1.0, 5.0, 30.0]))
    def time_passes(self, seconds: float) -> None:
        self.world.advance(seconds)

    @rule(seconds=st.sampled_from([30.0, 130.0]))
    def time_passes_in_peace(self, seconds: float) -> None:
        if self.world.is_up:
            self.world.flow(seconds)

    # The network.

    @rule(page=PAGE)
    def a_socket_connects(self, page: int) -> None:
        self.world.connect(self.page(page))

    @rule(page=PAGE)
    def a_socket_is_refused(self, page: int) -> None:
        self.world.refuse(self.page(page))

    @rule(page=PAGE, server=st.booleans(), browser=st.booleans())
    def cut(self, page: int, server: bool, browser: bool) -> None:
        """A link breaks before a message, and one end may not learn of it."""
        link = self.link(page)
        self.note(
            f"cut, {'' if server else 'un'}known to the server, {'' if browser else 'un'}known to the browser"
        )
        self.world.cut(link, server=server, browser=browser)

    @rule(page=PAGE, server=st.integers(0, 3), turns=st.integers(0, 3), browser=st.integers(0, 3))
    def bounce(self, page: int, server: int, turns: int, browser: int) -> None:
        """A short drop: some of what is under way arrives, the rest is lost, and it is back."""
        link = self.link(page)
        self.world.to_server(link, server)
        self.world.run_turns(turns)
        self.world.to_browser(link, browser)
        self.world.cut(link)
        self.world.tell(["fire", link.page, "online", {}])
        self.world.connect(link.page)

    @rule(page=PAGE, down=st.booleans(), keep=st.integers(0, 30))
    def cut_in_a_message(self, page: int, down: bool, keep: int) -> None:
        """A bad proxy passes a part of a message on before the link breaks."""
        link = self.link(page)
        queue = self.queue(link, down)
        if queue and isinstance(queue[0], bytes):
            self.note("cut in a message")
            queue[0] = queue[0][:keep]
            self.garble(down)
            if down:
                self.world.to_browser(link, 1)
            else:
                self.world.to_server(link, 1)
        self.world.cut(link)

    @rule(page=PAGE, down=st.booleans(), which=PICK, turns=st.integers(0, 4))
    def a_message_comes_twice(self, page: int, down: bool, which: int, turns: int) -> None:
        queue = self.queue(self.link(page), down, turns)
        if queue and isinstance(queue[which % len(queue)], bytes):
            self.note("a message came twice")
            self.garble(down)
            queue.insert(which % len(queue), queue[which % len(queue)])

    @rule(page=PAGE, down=st.booleans(), which=PICK, turns=st.integers(0, 4))
    def two_messages_change_places(self, page: int, down: bool, which: int, turns: int) -> None:
        queue = self.queue(self.link(page), down, turns)
        if len(queue) >= 2:
            one, other = which % (len(queue) - 1), which % (len(queue) - 1) + 1
            if isinstance(queue[one], bytes) and isinstance(queue[other], bytes):
                self.note("two messages changed places")
                self.garble(down)
                queue[one], queue[other] = queue[other], queue[one]

    @rule(count=COUNT)
    def old_sockets_speak(self, count: int) -> None:
        """What was under way on sockets that a browser has left arrives late, at either end."""
        for link in list(self.world.links):
            if link is not self.world.present.get(link.page):
                self.world.to_server(link, count)
                self.world.to_browser(link, count)

    @rule()
    def old_sockets_are_found_dead(self) -> None:
        for link in list(self.world.links):
            if link is not self.world.present.get(link.page) and link.endpoint is not None:
                self.world.cut(link)

    # Browsers.

    @rule(page=PAGE, name=st.sampled_from(["focus", "online", "visibilitychange", "pageshow"]))
    def a_page_is_looked_at(self, page: int, name: str) -> None:
        self.world.tell(["fire", self.page(page), name, {}])
        self.world.connect(self.page(page))

    @rule(page=PAGE)
    def a_page_is_left_and_may_be_shown_again(self, page: int) -> None:
        self.world.tell(["fire", self.page(page), "pagehide", {"persisted": True}])

    @rule(replica=REPLICA, which=PICK, fails=st.booleans())
    def the_site_answers(self, replica: int, which: int, fails: bool) -> None:
        self.world.answer_question(self.replica(replica), which, fails=fails)

    @rule(replica=REPLICA)
    def a_person_tries_again(self, replica: int) -> None:
        if self.world.standing[self.replica(replica)]["state"] == "stopped":
            self.note("a person tried again")
            self.world.tell(["open", self.replica(replica)])

    # People.

    @rule(replica=REPLICA, node=PICK, value=st.integers(-1, 12))
    def person_sets(self, replica: int, node: int, value: int) -> None:
        self.act(replica, node, ["set", "value", value])

    @rule(replica=REPLICA, node=PICK, value=st.integers(0, 12))
    def person_puts_in(self, replica: int, node: int, value: int) -> None:
        self.act(replica, node, ["put", value])

    @rule(replica=REPLICA, node=PICK, values=st.lists(st.integers(0, 10), min_size=3, max_size=8))
    def person_drags(self, replica: int, node: int, values: list[int]) -> None:
        for value in values:
            self.act(replica, node, ["put", value])

    @rule(replica=REPLICA, node=PICK, acts=st.lists(st.sampled_from(sorted(_ACTS)), min_size=2, max_size=5))
    def person_is_busy(self, replica: int, node: int, acts: list[str]) -> None:
        for act in acts:
            self.act(replica, node, _ACTS[act])

    @rule(replica=REPLICA, node=PICK, numbers=NUMBERS)
    def person_appends(self, replica: int, node: int, numbers: list[int]) -> None:
        self.act(replica, node, ["append", numbers])

    @rule(replica=REPLICA, node=PICK, whole=st.booleans())
    def person_writes_too_much(self, replica: int, node: int, whole: bool) -> None:
        much = [11111] * 400
        self.act(replica, node, ["set", "items", much] if whole else ["append", much])

    @rule(replica=REPLICA, node=PICK, numbers=st.lists(st.integers(-5, 99), max_size=2))
    def person_replaces_items(self, replica: int, node: int, numbers: list[int]) -> None:
        self.act(replica, node, ["set", "items", numbers])

    @rule(
        replica=REPLICA, node=PICK, nonsense=st.sampled_from([["value", "x"], ["items", "x"], ["value", 1.5]])
    )
    def browser_sends_nonsense(self, replica: int, node: int, nonsense: list[Any]) -> None:
        self.act(replica, node, ["set", *nonsense])

    @rule(replica=REPLICA, node=PICK)
    def person_clicks(self, replica: int, node: int) -> None:
        self.act(replica, node, ["click"])

    @rule(replica=REPLICA, node=PICK, value=st.integers(0, 9))
    def person_adds_node(self, replica: int, node: int, value: int) -> None:
        number = self.replica(replica)
        self._made += 1
        name = f"{self.world.standing[number]['client']}-{self._made}"
        self.act(replica, node, ["adopt", name, value])

    @rule(replica=REPLICA, node=PICK, other=st.none() | PICK)
    def person_moves_node(self, replica: int, node: int, other: int | None) -> None:
        nodes = self.world.nodes(self.replica(replica))
        if nodes:
            self.act(replica, node, ["refer", None if other is None else nodes[other % len(nodes)]])

    @rule(replica=REPLICA, node=PICK, value=st.integers(-1, 12), numbers=NUMBERS, put=st.booleans())
    def person_does_much_at_once(
        self, replica: int, node: int, value: int, numbers: list[int], put: bool
    ) -> None:
        first = ["put", value] if put else ["set", "value", value]
        self.act(replica, node, first, ["append", numbers], ["click"])

    # App code, outside of edits: timers, threads, other sessions.

    @rule(which=PICK, node=PICK, value=st.integers(0, 10))
    def app_sets(self, which: int, node: int, value: int) -> None:
        def change(document: WatchedToy) -> None:
            document.set(_node(document, node), "value", value)

        self.world.in_document(which, change)

    @rule(which=PICK, node=PICK, numbers=st.lists(st.integers(100, 199), min_size=1, max_size=2))
    def app_streams(self, which: int, node: int, numbers: list[int]) -> None:
        def change(document: WatchedToy) -> None:
            self.note("an app streamed")
            document.append(_node(document, node), numbers)
            if len(numbers) > 1:
                document.set(_node(document, node), "items", numbers)
                document.append(_node(document, node), numbers)

        self.world.in_document(which, change)

    @rule(which=PICK, node=PICK)
    def app_adds_nodes(self, which: int, node: int) -> None:
        def change(document: WatchedToy) -> None:
            below = document.new_node(value=6)
            document.set(_node(document, node), "child", document.new_node(value=5, child=below))

        self.world.in_document(which, change)

    @rule(which=PICK, node=PICK)
    def app_removes_nodes(self, which: int, node: int) -> None:
        self.world.in_document(which, lambda document: document.set(_node(document, node), "child", None))

    @rule(which=PICK, node=PICK, away=PICK)
    def app_brings_node_back(self, which: int, node: int, away: int) -> None:
        def change(document: WatchedToy) -> None:
            present = document.reachable()
            gone = [each for name, each in sorted(document.nodes.items()) if name not in present]
            if gone:
                self.note("a node came back")
                document.set(_node(document, node), "child", gone[away % len(gone)])

        self.world.in_document(which, change)

    @rule(which=PICK, node=PICK, value=st.integers(0, 10))
    def app_raises(self, which: int, node: int, value: int) -> None:
        def change(document: WatchedToy) -> None:
            document.set(_node(document, node), "value", value)
            self.note("app code raised")
            raise ZeroDivisionError

        self.world.in_document(which, change)

    @rule(app=st.sampled_from(["shared", "own"]), value=st.integers(0, 10))
    def site_updates_all_sessions(self, app: str, value: int) -> None:
        if self.world.is_up:
            self.world.hub.update_sessions(app, lambda document: document.set(document.root, "value", value))

    # What happens seldom. One rule for all of it: else every example would consist of it.

    @rule(what=st.sampled_from(sorted(DRASTIC)), at=PICK, much=st.booleans())
    def something_drastic_happens(self, what: str, at: int, much: bool) -> None:
        """
        Args:
            what: one of the methods below.
            at: which page, replica or session.
            much: the harder of two cases.
        """
        if self.world.is_up:
            self.note(what)
            getattr(self, what)(at, much)

    def much_time_passes(self, at: int, much: bool) -> None:
        self.world.advance(400.0 if much else 130.0)

    def the_clock_of_a_browser_jumps(self, at: int, much: bool) -> None:
        self.world.tell(["jump", self.page(at), (-86400_000, -60_000, 60_000, 86400_000)[at % 4]])

    def the_clock_of_the_server_jumps(self, at: int, much: bool) -> None:
        self.world.wall += (-3600, 60, 3600, 8 * 86400)[at % 4]

    def a_machine_sleeps(self, at: int, much: bool) -> None:
        self.world.tell(["sleep", self.page(at), 3600_000 if much else 20_000])

    def a_page_is_loaded_again(self, at: int, much: bool) -> None:
        self.world.load(self.page(at))

    def a_person_starts_afresh(self, at: int, much: bool) -> None:
        self.world.tell(["afresh", self.replica(at)])

    def a_session_is_ended(self, at: int, much: bool) -> None:
        sessions = list(self.world.sessions.values())
        if sessions:
            sessions[at % len(sessions)].end()

    def a_tab_is_duplicated(self, at: int, much: bool) -> None:
        if len(self.world.pages) < MOST_PAGES:
            self.world.duplicate(self.page(at))

    def a_tab_is_closed(self, at: int, much: bool) -> None:
        if len(self.world.pages) > 1:
            self.world.close_tab(self.page(at))

    def somebody_logs_out(self, at: int, much: bool) -> None:
        user = self.world.person_of[self.page(at)]
        self.world.hub.dismiss(lambda request: request.user_key == user)

    def the_app_is_another_now(self, at: int, much: bool) -> None:
        recipe = self.world.recipe
        recipe.slow, recipe.slow_end, recipe.fails = bool(at & 1), bool(at & 2), much

    def the_process_dies(self, at: int, much: bool) -> None:
        self.world.kill_server(unnoticed=much)
        if at % 3:
            self.world.start_server()

    def the_process_is_stopped(self, at: int, much: bool) -> None:
        self.world.stop_server()
        if not much:
            self.world.start_server()

    @precondition(lambda self: not self.world.is_up)
    @rule()
    def the_process_starts(self) -> None:
        self.world.start_server()

    # The end.

    def teardown(self) -> None:
        if not hasattr(self, "world"):
            return
        self.world.heal()
        judge(self.world)

    # Inside.

    _made = 0

    def page(self, number: int) -> int:
        return list(self.world.pages)[number % len(self.world.pages)]

    def replica(self, number: int) -> int:
        return list(self.world.apps)[number % len(self.world.apps)]

    def link(self, page: int) -> Link:
        return self.world.present[self.page(page)]

    def queue(self, link: Link, down: bool, turns: int = 0) -> Any:
        """What is under way, after so many turns have had their say."""
        if down:
            self.world.to_server(link, 2 * turns)
            self.world.run_turns(turns)
            self.world.take(link)
        return link.to_browser if down else link.to_server

    def garble(self, down: bool) -> None:
        """Messages arrive otherwise than they were sent."""
        if down:
            self.world.garbled_down = True
        else:
            self.world.garbled = True

    def act(self, replica: int, node: int, *acts: Sequence[Any]) -> None:
        number = self.replica(replica)
        nodes = self.world.nodes(number)
        if nodes:
            self.note("somebody changed something")
            there = nodes[node % len(nodes)]
            self.world.act(number, *([name, there, *arguments] for name, *arguments in acts))


def _node(document: WatchedToy, pick: int) -> Any:
    nodes = list(document.reachable().values())
    return nodes[pick % len(nodes)]
