"""The hub: the apps and the live sessions of one process."""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any

from embedsync.admission import Admission
from embedsync.app import App
from embedsync.connection import Conversation
from embedsync.documents import accelerate, load
from embedsync.endpoint import Attachment, Endpoint
from embedsync.equipment import Equipment
from embedsync.hub.apps import Apps, check_bounds, check_name, known_options
from embedsync.hub.granting import Granting
from embedsync.hub.lifetime import Lifetime
from embedsync.hub.opening import Opening
from embedsync.hub.origin_check import OriginCheck
from embedsync.hub.sessions import Sessions
from embedsync.hub.sockets import Sockets
from embedsync.live import LiveSession
from embedsync.request import Request
from embedsync.settings import Settings
from embedsync.stock.tokens import Tokens
from embedsync.tickets import Grant, Tickets

__all__ = ["Hub"]


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
        self.settings = settings = settings or Settings()
        if settings.accelerate:
            accelerate()
        keys = [secret_key] if isinstance(secret_key, str | bytes) else list(secret_key)
        tickets = Tickets(
            keys, max_age=settings.ticket_age, renewal_age=settings.ticket_renewal_age, now=wall_clock
        )
        self.tokens = Tokens(keys, max_age=settings.ticket_age, now=wall_clock)
        equipment = Equipment(settings, keys[-1], clock=clock, random_id=random_id, asset_url=asset_url)
        # What adapters ask of them directly.
        self.clock, self.random_id = equipment.clock, equipment.random_id
        self.assets, self.counters, self.audit = equipment.assets, equipment.counters, equipment.audit
        self.loop, self.scheduler, self.pool = equipment.loop, equipment.scheduler, equipment.pool
        self.endings, self.watchdog = equipment.endings, equipment.watchdog
        self._admission = admission = Admission(
            self.pool,
            self.scheduler,
            settings.revalidation,
            self.audit,
            on_refused=lambda: self.counters.count("visitors_refused"),
        )
        self._apps = apps = Apps(self.assets)
        self._origins = OriginCheck(settings, self.counters, self.audit)
        self._granting = Granting(apps, tickets, admission, random_id)
        self._sessions = sessions = Sessions(equipment, nobody or Request())
        self.orphans, self.prebuilt = sessions.orphans, sessions.prebuilt
        self._opening = Opening(equipment, apps, tickets, admission, sessions, wall_clock=wall_clock)
        self._sockets = Sockets(equipment, apps, admission, self._opening.received)
        self._lifetime = Lifetime(equipment, apps, sessions, self._sockets, self._opening)

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
        check_bounds(name, sessions, permission)
        app = App(
            name,
            load(source, **known_options(name, options)),
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
        self._apps.add(app)
        return app

    @property
    def apps(self) -> Mapping[str, App]:
        """The apps by name."""
        return self._apps.by_name

    def app(self, name: str) -> App:
        """The app of this name.

        Raises:
            UnknownApp: naming those that there are.
        """
        return self._apps.app(name)

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
        grant = self._granting.grant(
            app, arguments or {}, session=session, user_key=user_key, page=page, session_id=session_id
        )
        return self._granting.sign(grant)

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
        grant = self._granting.grant(name, arguments, user_key=request.user_key, page=page)
        ticket = self._granting.sign(grant)
        if self._sockets.is_stopping or not self.permits(app, request):
            return ticket, None
        return ticket, self._sessions.prepare(app, grant, request)

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
        self._granting.check_script_tag(name, arguments, request)

    def renew_ticket(self, ticket: str, request: Request) -> str:
        """Trade an authentic ticket, expired or not, for a fresh one for the same user.

        Raises:
            TicketError: it is not authentic, far too old, made for another user or for an app that
                there is no more, or the user may not use the app any more.
        """
        return self._granting.renew(ticket, request)

    # Visitors.

    def permits(self, app: App, request: Request) -> bool:
        """Whether the maker of a request may use an app. May ask a database."""
        return self._admission.permits(app, request)

    def dismiss(self, matches: Callable[[Request], bool]) -> None:
        """Somebody has logged out: close the sockets, and end the sessions, of requests that match.

        Sessions that others share go on without them.
        """
        alone = self._sessions.alone()
        self._sockets.dismiss(matches)
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
        return self._origins.allows(request, reads_only=reads_only)

    def connect(self, request: Request, conversation: Conversation | None = None) -> Endpoint:
        """The endpoint for a new socket, whose origin was found to be allowed.

        Args:
            request: its handshake.
            conversation: what it speaks, if not our own protocol.
        """
        return self._sockets.connect(request, conversation)

    def enter(self, attachment: Attachment, grant: Grant) -> None:
        """Let in who has shown a grant in the handshake; a permission is asked first."""
        self._opening.enter(attachment, grant)

    def session_of(self, grant: Grant) -> LiveSession | None:
        """The live session in which visitors with such a grant meet, if there is one."""
        return self._sessions.meeting(self.app(grant.app), grant)

    # Sessions.

    @property
    def sessions(self) -> list[LiveSession]:
        """The live sessions."""
        return self._sessions.all()

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
        numbers = {"sessions": len(self._sessions), "sockets": len(self._sockets)}
        return {"status": "stopping" if self._sockets.is_stopping else "ok", **numbers}

    def start(self) -> None:
        """Run the hooks of apps for the beginning of the process now, rather than with the first session, and
        begin to build documents ahead.

        For servers that have forked already, if they fork at all. Does not wait for them. What a hook raises
        is logged; it is tried again with the next session.
        """
        self._lifetime.start()

    def stop(self) -> None:
        """Come to an end: browsers are told to come back to whoever serves then, what waits is done and sent,
        sessions end, sockets close, threads stop. Waits up to ``stop_timeout``.
        """
        self._lifetime.stop()
