"""A server, browsers and the links between them, all of which the test moves.

The server is the real hub with its sessions, endpoints and mailboxes (:mod:`tests.property.deterministic`),
the browsers are the real ``session.js`` and ``socket.js`` (:mod:`tests.property.browsers`). What is sent
waits in a :class:`Link` until the test lets it arrive, or not.
"""

from __future__ import annotations

import itertools
import json
from collections import Counter, defaultdict, deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from embedsync import wire
from embedsync.delivery import Delivery
from embedsync.document import DocumentHost
from embedsync.endpoint import Endpoint
from embedsync.errors import MailboxFull, TicketError
from embedsync.live import LiveSession
from embedsync.request import Request
from embedsync.settings import Settings
from tests.property.browsers import Browsers, read, written
from tests.property.deterministic import Machinery
from tests.property.history import History
from tests.property.watched import WatchedRecipe, WatchedToy

__all__ = ["Link", "World"]

SHARED, OWN = "shared", "own"


@dataclass(eq=False)
class Link:
    """One socket, from the moment a browser asks for it.

    Attributes:
        socket: its number in the browsers' process.
        page: whose it is.
        endpoint: the server's end, while it has one.
        taken: the server has had an end, and takes it no second time.
        to_server: messages under way, and ``None`` where the browser has closed it.
        to_browser: messages under way, and a close code where the server has closed it.
        here: the browser listens to it.
        broken: nothing passes any more, whether the ends know it or not.
        unloaded: the page is not there any more.
    """

    socket: int
    page: int
    endpoint: Endpoint | None = None
    taken: bool = False
    to_server: deque[bytes | None] = field(default_factory=deque)
    to_browser: deque[bytes | int] = field(default_factory=deque)
    here: bool = True
    broken: bool = False
    unloaded: bool = False


class World:
    """Everything there is.

    Args:
        browsers: the process of the browsers.
        layout: pages, each with the apps that it shows, by name: ``shared`` is one session for all,
            ``own`` one for each replica.
        settings: of the server.
        guarded: the server asks, for each visitor, whether they may come in.
        many: replicas from which sessions hold ops.
        note: told of what is worth counting.
    """

    def __init__(
        self,
        browsers: Browsers,
        layout: Sequence[Sequence[str]],
        settings: Settings,
        *,
        guarded: bool = False,
        many: int = Delivery.many,
        note: Callable[[str], None] = lambda what: None,
    ) -> None:
        self.browsers = browsers
        self.settings = settings
        self.guarded = guarded
        self.many = many
        self.writers: list[Callable[[], None]] = []
        """What the threads that write to sockets are asked to call."""
        self.note = note
        self.history = History()
        self.apps: dict[int, str] = {}
        self.pages: dict[int, list[int]] = {}
        self.page_of: dict[int, int] = {}
        self.person_of: dict[int, str] = {}
        self.tickets: dict[int, str] = {}
        self.links: list[Link] = []
        self.present: dict[int, Link] = {}
        self.loads: dict[int, int] = defaultdict(int)
        self.standing: dict[int, dict[str, Any]] = {}
        self.questions: dict[int, list[tuple[int, str, Any, int]]] = defaultdict(list)
        self.attached: dict[int, int] = {}
        self.attachments: Counter[int] = Counter()
        """How often each replica was attached: the numbers of attachments begin again with each socket."""
        self.let_in: set[int] = set()
        self.clients: dict[int, str] = {}
        self.epochs: dict[str, str] = {}
        self.unread: dict[int, list[tuple[str, dict[str, Any]]]] = defaultdict(list)
        self.lost_its_place: set[int] = set()
        self.documents: dict[str, WatchedToy] = {}
        self.built: list[tuple[DocumentHost, WatchedToy]] = []
        self.wall = 1_700_000_000.0
        self.garbled = False
        """Messages have reached the server otherwise than a browser had sent them."""
        self.garbled_down = False
        """The other way round."""
        self.is_up = False
        self.machinery: Machinery | None = None
        self._ids = itertools.count(1)
        self._page_numbers = itertools.count()
        self._replica_numbers = itertools.count()
        self.recipe = WatchedRecipe(lambda host, document: self.built.append((host, document)))
        self.browsers(["reset"])
        self.start_server()
        for apps in layout:
            self._add_page(apps)
        for page in self.pages:
            self.load(page)

    # The server's process.

    def start_server(self) -> None:
        now = self.machinery.scheduler.now if self.machinery is not None else 1000.0
        machinery = self.machinery = Machinery(
            self.settings,
            now=now,
            wall_clock=lambda: self.wall + machinery.scheduler.now,
            random_id=lambda: f"r{next(self._ids)}",
        )
        self.hub = machinery.hub
        self.pool, self.loop, self.scheduler = machinery.pool, machinery.loop, machinery.scheduler
        self.is_up = True
        permission = (lambda request: True) if self.guarded else None
        for name in (SHARED, OWN):
            self.hub.add_app(name, self.recipe, shared=name == SHARED, permission=permission)

    def kill_server(self, *, unnoticed: bool = False) -> None:
        """The process dies, with all that it knew. ``unnoticed``: with its machine, and nobody is told."""
        self.is_up = False
        self.writers.clear()
        for _, document in self.built:
            document.ended = True
        self.built.clear()
        for link in list(self.links):
            link.endpoint = None
            link.broken = True
            if not unnoticed:
                self.lose(link, 1006)
        self._tidy()

    def stop_server(self) -> None:
        """The process is stopped and takes its leave."""
        self.machinery.stop(self.run_all_turns)
        for link in list(self.links):
            self.to_browser(link, 1000)
        self.kill_server()

    def run_turns(self, count: int, which: int = 0) -> None:
        """Let threads run what waits for them: ``count`` steps, any of those that wait."""
        for _ in range(count):
            if not self.pool.waiting:
                return
            step = self.pool.waiting.pop(which % len(self.pool.waiting))
            before = {id(document): _standing(document) for _, document in self.built}
            step()
            for host, document in self.built:
                if (core := host._built.core) is not None:
                    core.delivery.many = self.many
                    document.epoch = core.epoch
                    self.documents[document.epoch] = document
                refusals, *was = before.get(id(document), (0, None))
                if document.refusals > refusals:
                    assert list(_standing(document))[1:] == was, "a refused edit has changed something"
        self._tidy()

    def run_writers(self) -> bool:
        """The threads that write to sockets call what they were asked to. Says whether there was anything."""
        called = list(self.writers)
        self.writers.clear()
        for function in called:
            self.note("a writer was asked for")
            function()
        return bool(called)

    def run_all_turns(self) -> None:
        """Until nothing waits, nor is awaited."""
        while self.pool.waiting or self.loop.awaited:
            self.run_turns(1)
            if self.loop.awaited:
                self.loop.end(0)

    @property
    def sessions(self) -> dict[str, LiveSession]:
        return {live.id: live for live in self.hub.sessions} if self.is_up else {}

    def in_document(self, which: int, change: Callable[[WatchedToy], None]) -> None:
        """App code changes a document, in a turn of its own."""
        live = [(host, document) for host, document in self.built if not document.ended]
        if live:
            host, document = live[which % len(live)]
            try:
                host.post(lambda: change(document))
            except MailboxFull:
                self.note("an app's turn found the mailbox full")

    # Pages.

    def load(self, page: int) -> None:
        """A page is loaded, or loaded again."""
        if page in self.present:
            self._leave(page)
        for number in self.pages[page]:
            self.tickets[number] = self._ticket(number)
        self._show(page)

    def duplicate(self, page: int) -> None:
        """The same person opens a second tab, with the very page of the first."""
        tab = self._add_page([self.apps[number] for number in self.pages[page]])
        self.person_of[tab] = self.person_of[page]
        for first, second in zip(self.pages[page], self.pages[tab], strict=True):
            self.tickets[second] = self.tickets[first]
        self._show(tab)

    def close_tab(self, page: int) -> None:
        """A page is left, and nobody opens it again."""
        self._leave(page)
        self.tell(["unload", page])
        del self.present[page]
        for number in self.pages.pop(page):
            self.loads[number] += 1
            self.questions[number].clear()
            del self.apps[number]

    def _add_page(self, apps: Sequence[str]) -> int:
        page = next(self._page_numbers)
        self.person_of[page] = f"user {page}"
        self.pages[page] = [next(self._replica_numbers) for _ in apps]
        for number, app in zip(self.pages[page], apps, strict=True):
            self.apps[number], self.page_of[number] = app, page
        return page

    def _show(self, page: int) -> None:
        for number in self.pages[page]:
            self.loads[number] += 1
            self.questions[number].clear()
        self.tell(["load", page, [(number, self.tickets[number]) for number in self.pages[page]]])

    def _leave(self, page: int) -> None:
        self.tell(["fire", page, "pagehide", {"persisted": False}])
        for link in self.links:
            link.unloaded |= link.page == page

    def answer_question(self, replica: int, which: int = 0, *, fails: bool = False) -> bool:
        """The site answers a page that asks for a script or a ticket. Says whether there was a question."""
        questions = self.questions[replica]
        if not questions:
            return False
        question, what, about, attachment = questions.pop(which % len(questions))
        answer: str | int | None = None
        fails = fails or not self.is_up
        if what == "refresh" and not fails:
            try:
                answer = self.hub.renew_ticket(about, self._request(self.page_of[replica]))
            except TicketError:
                answer = int(wire.Close.TICKET_EXPIRED)
                self.note("a ticket was not renewed")
        if what == "load" and fails:
            self.note("a script did not load")
            if attachment == self.attachments[replica]:
                self.unread[replica].clear()  # It leaves, without a look at what waits for the script.
        self.tell(["answer", replica, question, answer, fails])
        return True

    def act(self, replica: int, *acts: Sequence[Any]) -> None:
        """A person does something, all of it in one task of the browser."""
        self.tell(["act", replica, *acts])

    def nodes(self, replica: int) -> list[str]:
        """What a replica shows."""
        return list(self.standing[replica]["document"] or ())

    # Links.

    def connect(self, page: int) -> bool:
        """The server takes a socket that a page asks for. Says whether there was one."""
        link = self.present[page]
        if link.taken or link.broken or not link.here or not self.is_up:
            return False
        link.taken = True
        link.endpoint = self.hub.connect(self._request(page))
        link.endpoint.call_on_writer = self.writers.append
        self.tell(["connected", page, link.socket])
        return True

    def refuse(self, page: int) -> None:
        """Nobody takes the socket that a page asks for."""
        link = self.present[page]
        if link.endpoint is None and not link.broken and link.here:
            self.lose(link, 1006)

    def lose(self, link: Link, code: int) -> None:
        """A browser learns that its socket is gone."""
        link.to_browser.clear()
        if link.here:
            link.here = False
            self.tell(["lost", link.page, link.socket, code])

    def cut(self, link: Link, *, server: bool = True, browser: bool = True) -> None:
        """Break a link. What is under way is lost.

        Args:
            link: which.
            server: the server learns of it at once.
            browser: so does the browser.
        """
        if link.to_server or link.to_browser:
            self.note("cut with frames under way")
        link.broken = True
        link.to_server.clear()
        link.to_browser.clear()
        if server and link.endpoint is not None:
            link.endpoint.lost()
            link.endpoint = None
        if browser:
            self.lose(link, 1006)
        self._tidy()

    def to_server(self, link: Link, count: int) -> int:
        """So many messages arrive at the server. Says how many did."""
        for arrived in range(count):
            if not link.to_server or link.endpoint is None:
                return arrived
            message = link.to_server.popleft()
            if message is None:
                link.endpoint.lost()
                link.endpoint = None
            else:
                link.endpoint.receive(message)
            self._tidy()
        return count

    def to_browser(self, link: Link, count: int) -> int:
        """So many messages arrive at the browser. Says how many did."""
        self.take(link)
        if link.unloaded:
            link.to_browser.clear()
        frames: list[bytes] = []
        code = None
        while link.to_browser and len(frames) < count and code is None:
            message = link.to_browser.popleft()
            if isinstance(message, int):
                code = message
            else:
                frames.append(message)
        if frames:
            self.tell(["receive", link.page, link.socket, [written(each) for each in frames]])
        if code is not None:
            self.note(f"the server closed a socket with {code}")
            self.lose(link, code)
        return len(frames) + (code is not None)

    # Time.

    def advance(self, seconds: float) -> None:
        """Time passes and nothing arrives."""
        milliseconds = seconds * 1000
        lasting = [each for each in self.sessions.values() if not each.is_ending]
        is_stuck = bool(self.pool.waiting or self.loop.awaited)
        while seconds > 0:
            self.scheduler.advance(min(seconds, 10.0))
            self._tidy()
            seconds -= 10.0
        # A session whose turn does not end is given up as well.
        if not is_stuck and any(each.is_ending for each in lasting):
            self.note("a grace was over")
        self.tell(["advance", milliseconds])

    # All is well again.

    def round(self, *, ends: bool = True) -> bool:
        """Everything under way arrives and all turns run. Says whether anything was done.

        Args:
            ends: so does what turns wait for, and what pages ask for.
        """
        done = False
        for link in list(self.links):
            done |= self.to_server(link, 1000) > 0
        done |= bool(self.pool.waiting or (ends and self.loop.awaited))
        if ends:
            self.run_all_turns()
        else:
            self.run_turns(1000)
        done |= self.run_writers()
        for link in list(self.links):
            done |= self.to_browser(link, 1000) > 0
        for page in self.pages:
            done |= self.connect(page)
        for replica in self.apps:
            while ends and self.answer_question(replica):
                done = True
        return done

    def flow(self, seconds: float = 0.0) -> None:
        """Let everything arrive, for so long."""
        for _ in range(1000):
            if not self.round():
                break
        else:
            raise AssertionError("the traffic does not stop")
        if seconds > 0:
            self.advance(min(seconds, 5.0))
            self.flow(seconds - 5.0)

    def heal(self) -> None:
        """Nothing fails any more, and people try again; until everybody is in sync."""
        if not self.is_up:
            self.start_server()
        for page in self.pages:
            self.tell(["fire", page, "pageshow", {}])
        tried: Counter[int] = Counter()
        for attempt in range(200):
            self.flow(5.0)
            stopped = [number for number, each in self.standing.items() if each["state"] == "stopped"]
            for number in stopped:
                tried[number] += 1
                if tried[number] > 1:
                    self.load(self.page_of[number])
                else:
                    self.tell(["open", number])
            if attempt > 12 and all(each["state"] == "live" for each in self.standing.values()):
                return
        raise AssertionError(f"not everybody came back: {self.standing}")

    # What came of it.

    def tell(self, *commands: Sequence[Any]) -> None:
        """Give the browsers commands, and look at what comes of it."""
        answer = self.browsers(*commands)
        for what, *about in answer.happened:
            getattr(self, f"_{what}")(*about)
        for replica in self.apps:
            self._read(replica)
        before, self.standing = self.standing, answer.standing
        for replica in self.standing:
            self._check(replica, before.get(replica))
        self._tidy()

    def _connecting(self, socket: int, page: int) -> None:
        link = self.present[page] = Link(socket, page)
        self.links.append(link)

    def _sent(self, socket: int, encoded: str) -> None:
        message = read(encoded)
        attachment, frame, _ = wire.decode_client_frame(message)
        if isinstance(frame, wire.Edit):
            self.history.sent(frame)
        elif isinstance(frame, wire.Resync):
            self.note("a replica was poisoned")
            is_too_much = "more than" in frame.reason
            assert self.garbled_down or is_too_much, f"nothing was wrong, but: {frame.reason}"
            page = next(each.page for each in self.links if each.socket == socket)
            for replica in self.pages[page]:
                if self.attached.get(replica) == attachment:
                    self._read(replica)
                    self.lost_its_place.add(replica)
        for link in self.links:
            if link.socket == socket and not link.broken:
                link.to_server.append(message)

    def _closed(self, socket: int, code: int) -> None:
        for link in self.links:
            if link.socket == socket:
                link.here = False
                link.broken |= link.endpoint is None
                if not link.broken:
                    link.to_server.append(None)

    def _asked(self, replica: int, question: int, kind: str, about: Any) -> None:
        self.questions[replica].append((question, kind, about, self.attachments[replica]))

    def _changed(self, change: dict[str, Any]) -> None:
        self.history.made(self.loads[change["replica"]], change)

    def _dropped(self, numbers: list[int]) -> None:
        self.history.gave_up(numbers)

    def _told(self, replica: int, name: str, what: Any) -> None:
        self.note(f"told: {name}" + (f" {what['reason']}" if name == "rejected" else ""))
        self.history.was_told(replica, self.loads[replica], name, what)
        if name == "ended" and what["code"] == wire.Close.BAD_MESSAGE:
            assert self.garbled, "a browser said what no browser says, and nobody had garbled it"

    def _reported(self, page: int, error: str) -> None:
        self.note("an exception in a browser was reported")

    def _failed(self, error: str) -> None:
        raise AssertionError(error)

    def _attached(self, replica: int, attachment: int) -> None:
        self.attached[replica] = attachment
        self.attachments[replica] += 1
        self.let_in.discard(replica)

    def _detached(self, replica: int) -> None:
        self._read(replica)
        self.unread[replica].clear()

    def _heard(self, replica: int, kind: str, header: dict[str, Any]) -> None:
        self.unread[replica].append((kind, header))
        self._read(replica)

    def _read(self, replica: int) -> None:
        """A session reads what it has heard, once its scripts are there. What does it know now?"""
        if self._loads_scripts(replica):
            return
        for kind, header in self.unread[replica]:
            client = self.clients.get(replica, "")
            if kind == "opened":
                self.note("resumed without a gap" if header["recovered"] else "let in, with a snapshot")
                self.let_in.add(replica)
                self.clients[replica] = header["client"]
                self.epochs[header["client"]] = header["epoch"]
                if not header["recovered"]:
                    self.lost_its_place.add(replica)
            elif replica not in self.let_in:
                continue
            elif kind == "result":
                self.history.superseded[client].update(header.get("supersedes") or ())
                if replica not in self.lost_its_place:
                    self.history.answered(client, header["cseq"])
            elif kind == "snapshot":
                self.lost_its_place.discard(replica)
                self.history.answered(client, header["cseq"])
        self.unread[replica].clear()

    def take(self, link: Link) -> None:
        """The server hands out what it has for the browser."""
        endpoint = link.endpoint
        if endpoint is None or link.broken:
            return
        while messages := endpoint.take():
            link.to_browser += messages
        if endpoint.close_code is not None:
            endpoint.lost()
            link.endpoint = None
            link.to_browser.append(1006 if endpoint.abandoned else endpoint.close_code)

    def _tidy(self) -> None:
        """Sockets that the server has given up are cut, and those that nobody has any more are forgotten."""
        for link in list(self.links):
            endpoint = link.endpoint
            if endpoint is not None and endpoint.abandoned:
                self.note(f"the server gave a socket up with {endpoint.close_code}")
                link.endpoint = None
                endpoint.lost()
                if not link.broken:
                    link.broken = True
                    self.lose(link, 1006)
        self.links = [each for each in self.links if each.here or each.endpoint is not None]

    def _check(self, replica: int, before: dict[str, Any] | None) -> None:
        """A replica shows what the server's document was at the replica's seq, but for what is pending."""
        now = self.standing[replica]
        client, epoch, seq = now["client"], now["epoch"], now["seq"]
        if before is not None and (before["client"], before["epoch"]) == (client, epoch):
            assert seq >= before["seq"], "a replica went back"
        if self.epochs.get(client) != epoch or replica in self.lost_its_place or self._loads_scripts(replica):
            return
        states = self.documents[epoch].states
        assert seq < len(states), "a replica is ahead of the server"
        pending = {each.key for each in self.history.pending(client, epoch)}
        for identifier, wanted in states[seq].items():
            shown = now["document"].get(identifier)
            for name, value in wanted.items() if shown is not None else ():
                if f"{identifier} {name}" not in pending:
                    assert shown[name] == value, f"replica {replica} at {seq}: {identifier}.{name}"

    # Inside.

    def _loads_scripts(self, replica: int) -> bool:
        """Whether what a session has heard may wait for scripts."""
        return any(kind == "load" for _, kind, _, _ in self.questions[replica])

    def _ticket(self, replica: int) -> str:
        page = self.page_of[replica]
        return self.hub.ticket(self.apps[replica], user_key=self._request(page).user_key)

    def _request(self, page: int) -> Request:
        return Request(user_key=self.person_of[page])


def _standing(document: WatchedToy) -> tuple[int, int, str]:
    return document.refusals, len(document.states), json.dumps(document.state())
