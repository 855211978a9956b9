"""The hub: the apps and the live sessions of one process."""

from __future__ import annotations

import difflib
import functools
import inspect
import logging
import random
import secrets
import string
import threading
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Collection, Generator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from embedsync import origins, wire
from embedsync.admission import Admission
from embedsync.ahead import Ahead
from embedsync.app import App, SessionInfo
from embedsync.apploop import AppLoop
from embedsync.assets import Assets
from embedsync.audit import Audit, Event, Reason
from embedsync.connection import Connection, Conversation, Received
from embedsync.documents import accelerate, load
from embedsync.endpoint import Attachment, Endpoint
from embedsync.errors import ConfigurationError, TicketExpired, TicketInvalid, UnknownApp
from embedsync.heap import Heap
from embedsync.interpreter import Interpreter
from embedsync.legible import legible
from embedsync.live import LiveSession
from embedsync.logbook import Logbook
from embedsync.one_by_one import OneByOne
from embedsync.orphans import Orphans
from embedsync.pool import Pool
from embedsync.prebuilt import Prebuilt
from embedsync.request import Request
from embedsync.scheduler import Scheduler
from embedsync.settings import Settings
from embedsync.stock.tokens import Tokens
from embedsync.tickets import LONGEST_TICKET, Grant, Tickets, encode_arguments
from embedsync.used_tickets import UsedTickets
from embedsync.visitors import EditsByUser, Share, shares_of
from embedsync.watchdog import Watchdog

__all__ = ["Counters", "Hub", "check_name", "known_options"]

logger = logging.getLogger("embedsync.hub")

_PROMPTLY = 1.0
"""Seconds. Browsers show a ticket as soon as their socket is open; who has shown none by then makes room."""
_IDLE = 0.5
"""Seconds without any turn after which nobody is taken to wait for one."""
_IN_NAMES = frozenset(string.ascii_letters + string.digits + "-_./")


class Counters:
    """Counts what was refused, dropped, resent. Thread-safe."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._counts: Counter[str] = Counter()

    def count(self, what: str) -> None:
        """Add one."""
        with self._lock:
            self._counts[what] += 1

    def read(self) -> dict[str, int]:
        """All counts so far."""
        with self._lock:
            return dict(self._counts)


class Hub:
    """Holds apps, opens sessions, and joins connections, mailboxes, clock and tickets.

    Nothing starts before the first session: a hub may be made at import, before a server forks.
    Two hubs in one process know nothing of each other.

    Args:
        secret_key: signs tickets; or several, the newest last.
        settings: bounds and waits.
        clock: seconds that never go back.
        wall_clock: seconds since 1970, for the age of tickets.
        random_id: makes ids and secrets that cannot be guessed.
        nobody: what stands for the handshake while a document is built ahead of its visitor. Only its
            contexts count: they show nothing of a visit, or tell ``ahead`` when something of it is looked at.
        asset_url: makes the URL of a file that browsers load, for sites that serve them some other way
            than below the endpoint; see :meth:`embedsync.assets.Assets.files`.

    Raises:
        ConfigurationError: the secret key is empty, or the setting ``accelerate`` is not for this Bokeh.
    """

    def __init__(
        self,
        secret_key: str | bytes | Sequence[str | bytes],
        settings: Settings | None = None,
        *,
        clock: Callable[[], float] = time.monotonic,
        wall_clock: Callable[[], float] = time.time,
        random_id: Callable[[], str] = lambda: secrets.token_urlsafe(16),
        nobody: Request | None = None,
        asset_url: Callable[[str], str] = str,
    ) -> None:
        self.settings = settings or Settings()
        if self.settings.accelerate:
            accelerate()
        self.clock = clock
        self.random_id = random_id
        self.assets = Assets(asset_url)
        self.counters = Counters()
        self._logbook = Logbook(
            self.settings.log_lines, on_dropped=lambda: self.counters.count("log_lines_dropped")
        )
        self.loop = AppLoop()
        self.scheduler = Scheduler(clock)
        self.pool = Pool(
            self.settings.workers,
            self.settings.workers_limit,
            self.settings.long_turn,
            clock=clock,
            call_later=self.scheduler.call_later,
            lost_limit=self.settings.lost_threads,
        )
        self.endings = OneByOne(self.pool)
        self._interpreter = Interpreter(
            self.scheduler.call_later,
            self.pool.submit,
            is_idle=lambda: clock() - self.pool.idles_since() >= _IDLE,
            heap=Heap.of_this_process() if self.settings.tune_interpreter else None,
        )
        self.watchdog = Watchdog(self.settings, clock=clock, call_later=self.scheduler.call_later)
        self.orphans = Orphans(
            self.settings.orphans,
            self.settings.orphan_bytes,
            on_evicted=self._evicted,
        )
        self._nobody = nobody or Request()
        self.prebuilt: Prebuilt[LiveSession] = Prebuilt(
            self._new_parked,
            is_idle=lambda: self.pool.is_idle,
            has_room=self._has_room_for_prebuilt,
            max_age=self.settings.prebuilt_age,
            clock=clock,
            call_later=self.scheduler.call_later,
        )
        keys = [secret_key] if isinstance(secret_key, str | bytes) else list(secret_key)
        self._tickets = Tickets(
            keys,
            max_age=self.settings.ticket_age,
            renewal_age=self.settings.ticket_renewal_age,
            now=wall_clock,
        )
        self._used_tickets = UsedTickets(
            self.settings.used_tickets,
            self.settings.ticket_age,
            now=wall_clock,
            on_full=lambda: self.counters.count("used_tickets_forgotten"),
        )
        self.tokens = Tokens(keys, max_age=self.settings.ticket_age, now=wall_clock)
        self.audit = Audit(keys[-1], self.settings, clock=clock, count=self.counters.count)
        self._admission = Admission(
            self.pool,
            self.scheduler,
            self.settings.revalidation,
            self.audit,
            on_refused=lambda: self.counters.count("visitors_refused"),
        )
        self._edits = EditsByUser(self.settings.user_edits_per_second, clock)
        self._lock = threading.Lock()
        self._apps: dict[str, App] = {}
        self._sessions: dict[str, LiveSession] = {}
        self._shared: dict[tuple[Any, ...], LiveSession] = {}
        self._prepared: dict[str, LiveSession] = {}
        self._endpoints: dict[Endpoint, None] = {}  # The ones that came first stand first.
        self._stopping = False

    # Apps.

    def add_app(
        self,
        name: str,
        source: Any,
        *,
        shared: bool = False,
        grace: float | None = None,
        title: str = "",
        permission: Callable[[Request], bool] | None = None,
        script_tag: bool = False,
        script_arguments: Collection[str] | None = (),
        recover: bool = True,
        sessions: int | None = None,
        prebuild: int = 0,
        **options: Any,
    ) -> App:
        """Add an app under a name.

        Args:
            name: letters, digits, ``-``, ``_``, ``.`` and ``/``; part of URLs.
            source: a function ``app(doc)``, sync or async; the path of a script, a directory or
                a notebook; a ``bokeh.application.Application``; or a
                :class:`~embedsync.app.Recipe`.
            shared: one session for all who open the app with the same arguments.
            grace: seconds to keep a session without any browser.
            title: for index pages.
            permission: says whether the maker of a request may use the app; everybody may without
                it. See :class:`~embedsync.app.App`.
            script_tag: pages that no template made may show the app, by a script tag.
            script_arguments: names of the arguments that these may give; all if ``None``.
            recover: put a person's inputs into a new session, should theirs be lost.
            sessions: live sessions of this app in a process; further visitors wait. Only the setting
                ``sessions`` counts if ``None``.
            prebuild: build so many documents in idle time, for the next visitors. Without effect for an app
                that looks at its visitor while it fills a document.
            options: for the kind of source; see :func:`embedsync.documents.load`.

        Raises:
            ConfigurationError: the name is taken or not usable, or the source or an option is not.
        """
        check_name(name)
        if sessions is not None and sessions < 1:
            raise ConfigurationError(f"app {name!r}: 'sessions' must be at least 1, not {sessions!r}")
        if permission is not None and not callable(permission):
            raise ConfigurationError(
                f"app {name!r}: 'permission' must be a function of the request, not {permission!r}"
            )
        recipe = load(source, **known_options(name, options))
        recipe.check()
        if prebuild > 0 and not getattr(recipe, "builds_ahead", False):
            raise ConfigurationError(f"app {name!r}: 'prebuild' is not for documents of kind {recipe.kind!r}")
        app = App(
            name,
            recipe,
            shared,
            grace,
            title or name,
            permission,
            script_tag,
            script_arguments,
            recover,
            sessions,
            prebuild,
        )
        with self._lock:
            if name in self._apps:
                raise ConfigurationError(f"there is an app {name!r} already")
            self._apps[name] = app
        self.assets.add_scripts(recipe.kind, recipe.scripts())
        extensions = getattr(recipe, "extensions", None)
        if extensions is not None:
            self.assets.add_extensions(recipe.kind, extensions)
        return app

    @property
    def apps(self) -> Mapping[str, App]:
        """The apps by name."""
        return dict(self._apps)

    def app(self, name: str) -> App:
        """The app of this name.

        Raises:
            UnknownApp: naming those that there are.
        """
        try:
            return self._apps[name]
        except KeyError:
            raise UnknownApp(name, list(self._apps)) from None

    # Tickets.

    def ticket(
        self,
        app: str,
        arguments: Mapping[str, Any] | None = None,
        *,
        session: str = "",
        user_key: str = "",
        page: Mapping[str, str] | None = None,
        session_id: str = "",
    ) -> str:
        """Make a ticket for a page.

        Args:
            app: name of the app.
            arguments: for the app; text, numbers and other JSON, or lists of these.
            session: a name under which visitors of this app meet in one session; none if empty.
            user_key: names the user that the page is made for.
            page: what the adapter will find as ``Request.page`` when the session begins.
            session_id: id of the session to open or join, which a stock client may have made.

        Raises:
            UnknownApp: there is no such app.
            ConfigurationError: an argument cannot be carried; the message names it. Or all together are
                more than a page can carry.
        """
        self.app(app)
        encoded = encode_arguments(arguments or {})
        nonce = self.random_id()
        return self._sign(Grant(app, encoded, session, user_key, nonce, page or {}, session_id))

    def prepare(
        self, name: str, arguments: Mapping[str, Any], request: Request, *, page: Mapping[str, str]
    ) -> tuple[str, LiveSession | None]:
        """Make a ticket, and begin with its session before any browser shows the ticket.

        For pages that are made with the document at hand. A session that no browser comes to is ended after
        ``unclaimed``.

        Args:
            name: of the app.
            arguments: for the app.
            request: of the page.
            page: what the app will find as ``Request.page``.

        Returns:
            The ticket; and the session, or ``None`` where there is no room for one, or the visitor may not
            use the app.

        Raises:
            UnknownApp: there is no such app.
            ConfigurationError: an argument cannot be carried.
        """
        app = self.app(name)
        grant = Grant(name, encode_arguments(arguments), "", request.user_key, self.random_id(), page)
        ticket = self._sign(grant)
        if self._stopping or not self.permits(app, request):
            return ticket, None
        return ticket, self._live_for(app, grant, request, prepare=True)

    def _sign(self, grant: Grant) -> str:
        ticket = self._tickets.sign(grant)
        if len(ticket) > LONGEST_TICKET:
            raise ConfigurationError(
                f"the arguments of app {grant.app!r} are too long for a page: they make a ticket of "
                f"{len(ticket)} bytes, and {LONGEST_TICKET} is the most; pass a key, and let the app look up "
                "the rest"
            )
        return ticket

    def ticket_for_script_tag(self, name: str, arguments: Mapping[str, Any], request: Request) -> str:
        """Make a ticket for a page that no template made, and that asks for it itself.

        Args:
            name: of the app.
            arguments: what the page says; names that the app does not take are refused.
            request: of the page; its origin was found to be allowed.

        Raises:
            UnknownApp: there is no such app.
            TicketInvalid: the app is not open to script tags, or not to this visitor, or does not take
                an argument.
            ConfigurationError: an argument cannot be carried.
        """
        self.check_script_tag(name, arguments, request)
        return self.ticket(name, arguments, user_key=request.user_key, page=request.page)

    def check_script_tag(self, name: str, arguments: Collection[str], request: Request) -> None:
        """See that a page that no template made may show an app, with these arguments.

        Raises:
            UnknownApp: there is no such app.
            TicketInvalid: the app is not open to script tags, or not to this visitor, or does not take
                an argument.
        """
        app = self.app(name)
        if not app.script_tag:
            raise TicketInvalid(f"app {name!r} is not open to script tags: add it with script_tag=True")
        for each in arguments:
            if app.script_arguments is not None and each not in app.script_arguments:
                raise TicketInvalid(
                    f"app {name!r} takes no argument {each!r} from script tags: name it in script_arguments"
                )
        if not self.permits(app, request):
            raise TicketInvalid(f"this visitor may not use app {name!r}")

    def renew_ticket(self, ticket: str, request: Request) -> str:
        """Trade an authentic ticket, expired or not, for a fresh one for the same user.

        Raises:
            TicketError: it is not authentic, far too old, made for another user or for an app that
                there is no more, or the user may not use the app any more.
        """
        grant = self._tickets.renewable(ticket, request.user_key)
        app = self._apps.get(grant.app)
        if app is None or not self.permits(app, request):
            raise TicketInvalid(f"the user may not use app {grant.app!r}")
        return self._tickets.sign(replace(grant, nonce=self.random_id()))

    # Visitors.

    def permits(self, app: App, request: Request) -> bool:
        """Whether the maker of a request may use an app. May ask a database."""
        return self._admission.permits(app, request)

    def dismiss(self, matches: Callable[[Request], bool]) -> None:
        """Somebody has logged out: close the sockets, and end the sessions, of requests that match.

        Sessions that others share go on without them.
        """
        with self._lock:
            endpoints = list(self._endpoints)
            shared = set(self._shared.values())
            alone = [each for each in self._sessions.values() if each not in shared]
        for endpoint in endpoints:
            if matches(endpoint.request):
                self._admission.dismiss(endpoint)
        for live in alone:
            if matches(live.info.request):
                live.end()

    # Sockets.

    def origin_allowed(self, request: Request, *, reads_only: bool = False) -> bool:
        """Whether the page that makes this request may do so; if not, it is logged and counted.

        Args:
            request: the request.
            reads_only: it is a plain ``GET``, with which browsers name no origin on pages of the site itself.
        """
        allowed = self.settings.allowed_origins
        if not origins.is_allowed(request, allowed):
            return self._refuse_origin(
                request,
                "refused a page of origin %r to connect to %r; if it should, name it in 'allowed_origins'",
                (request.origin or "")[:200],
                f"{request.scheme}://{request.host}"[:200],
            )
        is_named = request.origin is not None or not request.cookies or self.settings.cookies_without_origin
        if not is_named and not reads_only and "*" not in allowed:
            return self._refuse_origin(
                request,
                "refused a client that sends cookies and no 'Origin', which browsers always send: a script "
                "should name the site's, or be let in by 'cookies_without_origin'",
            )
        return True

    def _refuse_origin(self, request: Request, message: str, *named: str) -> bool:
        self.counters.count("origins_refused")
        logger.warning(message, *named)
        self.audit.write(Event.REFUSE, request, reason=Reason.ORIGIN, detail=request.origin or "")
        return False

    def connect(self, request: Request, conversation: Conversation | None = None) -> Endpoint:
        """The endpoint for a new socket, whose origin was found to be allowed.

        Args:
            request: its handshake.
            conversation: what it speaks, if not our own protocol.
        """
        self._logbook.open()
        endpoint = Endpoint(
            conversation or Connection(self.settings, self.clock()),
            request,
            self._received,
            clock=self.clock,
            call_later=self.scheduler.call_later,
            on_closed=self._closed,
        )
        with self._lock:
            present = [each for each in self._endpoints if each.close_code is None]
            self._endpoints[endpoint] = None
            stopping = self._stopping
        if stopping:
            endpoint.close(wire.Close.DRAIN, "the server is stopping")
        else:
            unopened = [each for each in present if not each.is_open]
            self._limit("sockets", len(present), self.settings.sockets, endpoint, unopened)
            self._limit("unopened_sockets", len(unopened), self.settings.unopened_sockets, endpoint, unopened)
        if endpoint.close_code is None:
            self.audit.write(Event.CONNECT, request, endpoint)
        if request.reload is not None or any(app.permission for app in self.apps.values()):
            self._admission.watch(endpoint)
        return endpoint

    def enter(self, attachment: Attachment, grant: Grant) -> None:
        """Let in who has shown a grant in the handshake; a permission is asked first."""
        app = self.app(grant.app)
        self._admission.admit(app, attachment, lambda: self._open_session(attachment, app, grant))

    def session_of(self, grant: Grant) -> LiveSession | None:
        """The live session in which visitors with such a grant meet, if there is one."""
        meeting = _meeting(self.app(grant.app), grant)
        with self._lock:
            return self._shared.get(meeting) if meeting is not None else None

    def _limit(
        self, setting: str, there: int, most: int | None, newcomer: Endpoint, unopened: Sequence[Endpoint]
    ) -> None:
        """Close a socket if there are too many: one that only holds its place, or else the newcomer."""
        if most is None or there < most or newcomer.close_code is not None:
            return
        idle = (
            each for each in unopened if each.began + _PROMPTLY < self.clock() and each.close_code is None
        )
        endpoint = next(idle, newcomer)
        self.counters.count("sockets_refused")
        logger.warning("closed a socket, for there are %d already (%r)", there, setting)
        self.audit.write(Event.LIMIT, endpoint.request, endpoint, reason=setting)
        endpoint.close(wire.Close.BUSY, f"there are {there} already ({setting!r})")

    # Sessions.

    @property
    def sessions(self) -> list[LiveSession]:
        """The live sessions."""
        with self._lock:
            return list(self._sessions.values())

    def update_sessions(self, app: str, function: Callable[[Any], Any]) -> int:
        """Run ``function(doc)`` in each live session of an app, as a callback of that session.

        For what happens outside: a row was saved, a file has come. From any thread, and without
        waiting for any session. What the function raises is logged, session by session.

        Args:
            app: name of the app.
            function: takes the document that app code knows; plain or ``async``.

        Returns:
            In how many sessions of this process it will run.

        Raises:
            UnknownApp: there is no such app.
        """
        # What waits for a visitor is out of date now; that is simpler than to bring it up to date.
        found = self.app(app)
        if self.prebuilt.drop(found):
            self.prebuilt.wish(found)
        return sum(live.update(function) for live in self.sessions if live.app.name == app)

    def status(self) -> dict[str, Any]:
        """Numbers for a health page: nothing secret."""
        with self._lock:
            numbers = {"sessions": len(self._sessions), "sockets": len(self._endpoints)}
        return {"status": "stopping" if self._stopping else "ok", **numbers}

    def start(self) -> None:
        """Run the hooks of apps for the beginning of the process now, rather than with the first session, and
        begin to build documents ahead.

        For servers that have forked already, if they fork at all. Does not wait for them. What a hook raises
        is logged; it is tried again with the next session.
        """
        for app in self.apps.values():
            self.prebuilt.wish(app)
            steps = app.recipe.load()
            if steps is not None:
                self.pool.submit(functools.partial(self._load, app, steps))

    def _load(self, app: App, steps: Generator[Awaitable[Any], Any, None]) -> None:
        try:
            self.loop.drive(steps)
        except Exception:
            logger.exception("app %r: its hooks for the beginning of the process failed", app.name)

    def stop(self) -> None:
        """Come to an end: browsers are told to come back to whoever serves then, what waits is done and sent,
        sessions end, sockets close, threads stop. Waits up to ``stop_timeout``.
        """
        with self._lock:
            if self._stopping:
                return
            self._stopping = True
            endpoints, sessions = list(self._endpoints), list(self._sessions.values())
        deadline = time.monotonic() + self.settings.stop_timeout
        self._tell_to_come_back(endpoints)
        self.prebuilt.stop()
        for live in sessions:
            live.drain()
        while (self.sessions or len(self.prebuilt)) and time.monotonic() < deadline:
            _close([each for each in endpoints if not each.attachments])
            time.sleep(0.01)
        for live in self.sessions:
            live.end(wire.Close.DRAIN)
        _close(endpoints)
        in_time = self.pool.stop(max(0.0, deadline - time.monotonic()))
        # Cancelling takes a moment even where nothing resists it.
        in_time &= self.loop.stop(max(1.0, deadline - time.monotonic()))
        if not in_time:
            logger.warning(
                "some app code still runs after %.0f s ('stop_timeout')", self.settings.stop_timeout
            )
        self._interpreter.stop()
        self.scheduler.stop()
        for app in self._apps.values():
            app.recipe.close()
        self._logbook.close()

    # Inside.

    def _tell_to_come_back(self, endpoints: Sequence[Endpoint]) -> None:
        spread = self.settings.drain_spread + len(endpoints) / 200
        for endpoint in endpoints:
            # Any jitter will do: it keeps no secret.
            endpoint.notify(wire.Notice(kind=wire.NoticeKind.DRAIN, retry=random.uniform(0, spread)))  # noqa: S311

    def _received(self, attachment: Attachment, received: Received) -> None:
        if isinstance(received.frame, wire.Open):
            self._open(attachment, received.frame)
            return
        if isinstance(received.frame, wire.Edit) and not self._edits.allow(attachment.request.user_key):
            reason = "too many edits of one user ('user_edits_per_second')"
            attachment.endpoint.close(wire.Close.TOO_MANY_EDITS, reason)
            return
        attachment.receive(received)
        if isinstance(received.frame, wire.Detach):
            attachment.endpoint.forget(attachment.number)

    def _open(self, attachment: Attachment, frame: wire.Open) -> None:
        if self._stopping:
            attachment.close(wire.Close.DRAIN)
            return
        if frame.resume is not None:
            live = self._sessions.get(frame.resume.session)
            if live is None:
                self._audit_refusal(attachment, Reason.SESSION_GONE)
                attachment.close(wire.Close.SESSION_GONE)
            elif live.recognises(attachment, frame.resume):
                self._resume_session(attachment, live, frame.resume)
            return
        try:
            grant = self._tickets.read(frame.ticket or "")
            app = self.app(grant.app)
        except TicketExpired:
            self._audit_refusal(attachment, Reason.TICKET_EXPIRED)
            attachment.close(wire.Close.TICKET_EXPIRED)
        except TicketInvalid as error:
            self._refuse(attachment, wire.Close.FORBIDDEN, Reason.TICKET_INVALID, str(error))
        except UnknownApp as error:
            self._refuse(attachment, wire.Close.UNKNOWN_APP, Reason.UNKNOWN_APP, str(error))
        else:
            if grant.user_key != attachment.request.user_key:
                # Somebody logged in or out since the page was made. Renewal decides what they may.
                self._audit_refusal(attachment, Reason.OTHER_USER, app.name)
                attachment.close(wire.Close.TICKET_EXPIRED)
                return
            self._admission.admit(app, attachment, lambda: self._open_session(attachment, app, grant))

    def _resume_session(self, attachment: Attachment, live: LiveSession, position: wire.Resume) -> None:
        # Edits follow a resume at once, and may be large.
        attachment.grant()
        self._admission.admit(live.app, attachment, lambda: live.resume(attachment, position))

    def _refuse(self, attachment: Attachment, code: wire.Close, reason: Reason, detail: str) -> None:
        self.counters.count("opens_refused")
        logger.log(self.audit.level(attachment.endpoint), "refused a visitor: %s", legible(detail))
        self._audit_refusal(attachment, reason)
        attachment.close(code)

    def _audit_refusal(self, attachment: Attachment, reason: Reason, app: str = "") -> None:
        self.audit.write(Event.REFUSE, attachment.request, attachment.endpoint, app=app, reason=reason)

    def _open_session(self, attachment: Attachment, app: App, grant: Grant) -> None:
        # Those that speak Bokeh's protocol come back with the token that they had; it has no nonce.
        if grant.nonce and not self._used_tickets.use(grant.nonce, grant.made):
            # A page that was kept by the browser, or whose first socket was cut: it asks for a fresh one.
            self.counters.count("tickets_shown_again")
            attachment.close(wire.Close.TICKET_EXPIRED)
            return
        live = self._live_for(app, grant, attachment.request, socket=attachment.endpoint)
        if live is None:
            self._used_tickets.give_back(grant.nonce)
            attachment.close(wire.Close.BUSY)
            return
        if grant.session_id and not app.shared and not _is_of(live, attachment.request):
            reason = Reason.OTHER_USER
            self._refuse(attachment, wire.Close.FORBIDDEN, reason, "the session belongs to another user")
            return
        live.open(attachment)

    def _live_for(
        self,
        app: App,
        grant: Grant,
        request: Request,
        *,
        prepare: bool = False,
        socket: Endpoint | None = None,
    ) -> LiveSession | None:
        """The session of a ticket: one that exists, or a new one; ``None`` if there is no room for it."""
        meeting = _meeting(app, grant)
        with self._lock:
            prepared = self._prepared.pop(grant.nonce, None)
        if prepared is not None:
            return prepared
        live = self._shared.get(meeting) if meeting is not None else None
        begun = False
        is_heavy = live is None and not self._has_bytes_left()
        is_full = len(self._sessions) >= self.settings.sessions
        # Who joins a session that is there needs no room, and must not see it end for want of some.
        needs_room = live is None and is_full
        spare = 1 if needs_room and self.orphans.make_room("sessions") is not None else 0
        shares = list(shares_of(app, request, self.settings))
        for share in shares if live is None else ():
            if self._is_used_up(share, self.sessions):
                self.orphans.make_room(share.setting, share.counts)
        with self._lock:
            live = self._shared.get(meeting) if meeting is not None else None
            full = "session_bytes" if is_heavy else ""
            full = "sessions" if len(self._sessions) - spare >= self.settings.sessions else full
            used_up = (each.setting for each in shares if self._is_used_up(each, self._sessions.values()))
            full = full or next(used_up, "")
            if live is None and not full:
                live = self._new_session(request, app, grant, meeting is not None)
                self._sessions[live.id] = live
                begun = True
                if meeting is not None:
                    self._shared[meeting] = live
            if live is not None and prepare and meeting is None:
                # Others are found by where they meet, however many pages were made for them.
                self._prepared[grant.nonce] = live
        if begun:
            self.prebuilt.wish(app)
            self.prebuilt.drop(most=max(0, len(self._sessions) + len(self.prebuilt) - self.settings.sessions))
        if live is None:
            self.counters.count("sessions_refused")
            # Their ticket is still good, so that they can ask as often as they like.
            level = self.audit.level(socket) if socket is not None else logging.WARNING
            logger.log(level, "turned a visitor away: %d sessions live (%r)", len(self._sessions), full)
            self.audit.write(Event.LIMIT, request, socket, app=app.name, reason=full)
        return live

    def _is_used_up(self, share: Share, sessions: Collection[LiveSession]) -> bool:
        return sum(share.counts(live) for live in sessions if not live.is_ending) >= share.most

    def _has_bytes_left(self) -> bool:
        """Whether there is room for another session; those that nobody looks at make some."""
        beyond = sum(live.weight for live in self.sessions) - self.settings.session_bytes
        if beyond + self.prebuilt.weight >= 0:
            self.prebuilt.drop()
        while beyond >= 0 and (freed := self.orphans.make_room("session_bytes")) is not None:
            beyond -= freed
        return beyond < 0

    def _has_room_for_prebuilt(self) -> bool:
        sessions = self.sessions
        weight = sum(live.weight for live in sessions) + self.prebuilt.weight
        there = len(sessions) + len(self.prebuilt)
        return there < self.settings.sessions and weight < self.settings.session_bytes

    def _new_session(self, request: Request, app: App, grant: Grant, meeting: bool) -> LiveSession:
        # An id that another app has already, or a session that is about to end, is not given twice.
        is_free = grant.session_id not in self._sessions and not app.shared
        info = SessionInfo(
            id=grant.session_id if grant.session_id and is_free else self.random_id(),
            app=app.name,
            arguments={name: [each.encode() for each in values] for name, values in grant.arguments.items()},
            request=replace(request, page=grant.page),
            debug=self.settings.debug,
            logout_url=self.settings.logout_url,
            authority=self.settings.authority,
        )
        logger.info("app %r: session %s begins", app.name, info.id)
        if self.settings.tune_interpreter:
            self._interpreter.start()
        while (built := self.prebuilt.take(app)) is not None:
            if built.meet(
                info, meeting=meeting, on_ending=self._session_ending, on_ended=self._session_ended
            ):
                self.counters.count("sessions_prebuilt")
                return built
        return LiveSession(
            self,
            app,
            info,
            meeting=meeting,
            on_ending=self._session_ending,
            on_ended=self._session_ended,
        )

    def _new_parked(
        self, app: App, on_ending: Callable[[LiveSession], None], on_ended: Callable[[LiveSession], None]
    ) -> LiveSession:
        """A session that nobody has come to yet."""
        info = SessionInfo(
            id=self.random_id(),
            app=app.name,
            arguments={},
            request=replace(self._nobody, ahead=Ahead()),
            debug=self.settings.debug,
            logout_url=self.settings.logout_url,
            authority=self.settings.authority,
        )
        return LiveSession(self, app, info, meeting=False, on_ending=on_ending, on_ended=on_ended)

    def _session_ending(self, live: LiveSession) -> None:
        """Who comes from now on gets another session, however long this one takes to end."""
        with self._lock:
            for meeting in [each for each, its in self._shared.items() if its is live]:
                del self._shared[meeting]
            for nonce in [each for each, its in self._prepared.items() if its is live]:
                del self._prepared[nonce]

    def _session_ended(self, live: LiveSession) -> None:
        with self._lock:
            self._sessions.pop(live.id, None)
        self._interpreter.session_ended()

    def _evicted(self, live: LiveSession, setting: str) -> None:
        self.counters.count("orphans_evicted")
        self.audit.write(Event.LIMIT, live.info.request, app=live.app.name, session=live.id, reason=setting)

    def _closed(self, endpoint: Endpoint) -> None:
        with self._lock:
            self._endpoints.pop(endpoint, None)
        self.audit.write_end(endpoint, endpoint.request, endpoint.close_code, endpoint.close_reason)
        logger.debug("a socket is gone: %s", legible(endpoint.close_reason))


def _close(endpoints: Sequence[Endpoint]) -> None:
    for endpoint in endpoints:
        endpoint.close(wire.Close.DRAIN, "the server is stopping")


def check_name(name: str) -> None:
    """See that an app's name can stand in a URL.

    Raises:
        ConfigurationError: it cannot.
    """
    if not name or not all(each in _IN_NAMES for each in name):
        raise ConfigurationError(
            f"app name {name!r} must consist of letters a-z, digits, '-', '_', '.' and '/'; rename it"
        )


def known_options(name: str, options: dict[str, Any]) -> dict[str, Any]:
    """See that all options of an app exist; those of :meth:`Hub.add_app` itself are taken out already.

    Raises:
        ConfigurationError: one does not; names what may have been meant.
    """
    known = ["authority", "read_only", "argv", "cwd"]
    for each in options:
        if each not in known:
            others = [*inspect.signature(Hub.add_app).parameters, *known]
            close = difflib.get_close_matches(each, others, 1)
            hint = f"; did you mean {close[0]!r}?" if close else ""
            raise ConfigurationError(f"app {name!r}: there is no option {each!r}{hint}")
    return options


def _is_of(live: LiveSession, request: Request) -> bool:
    return live.info.request.user_key == request.user_key


def _meeting(app: App, grant: Grant) -> tuple[Any, ...] | None:
    """What visitors have in common who meet in one session; ``None`` if each has their own."""
    if grant.session_id and not app.shared:
        return (app.name, grant.session_id)
    if app.shared or grant.session:
        return (app.name, grant.session, _frozen(grant.arguments))
    return None


def _frozen(arguments: Mapping[str, Sequence[str]]) -> tuple[tuple[str, tuple[str, ...]], ...]:
    return tuple(sorted((name, tuple(values)) for name, values in arguments.items()))
