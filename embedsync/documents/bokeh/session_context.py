"""``doc.session_context``: what app code may know about its session."""

from __future__ import annotations

import asyncio
import inspect
import threading
import weakref
from collections.abc import Awaitable, Callable, Iterator, Mapping
from concurrent.futures import Future
from typing import Any, NoReturn, Protocol
from urllib.parse import urlencode

from embedsync.app import SessionInfo
from embedsync.document import DocumentHost
from embedsync.documents.bokeh.extensions import base_url
from embedsync.documents.bokeh.private import Document
from embedsync.documents.bokeh.turn import current_turn
from embedsync.errors import SessionEnded
from embedsync.request import PAGE_PATH

__all__ = ["ServerContext", "SessionContext", "SessionRequest"]


class SessionRequest:
    """The request that opened the session, as Bokeh apps know it.

    Attributes:
        arguments: the app's arguments, each with its values.
        cookies: cookies by name.
        headers: request headers, names in Title-Case.
        user: what the site's user loader returned; ``None`` for a stranger.
        protocol: ``"http"`` or ``"https"``.
        host: host and port as the browser wrote them.
        path: path of the page under ``embedsync serve``; elsewhere, of the request for the socket.
        query: the arguments as they stand in the address of such a page; else empty, for they come signed.
        uri: path and query.
        method: always ``"GET"``.
        remote_ip: address of the peer.
    """

    def __init__(self, session: SessionInfo) -> None:
        request = session.request
        self.arguments: dict[str, list[bytes]] = {
            name: list(each) for name, each in session.arguments.items()
        }
        self.cookies: dict[str, str] = dict(request.cookies)
        self.headers: dict[str, str] = dict(request.headers)
        self.user: Any = request.user
        self.protocol = request.scheme
        self.host = request.host
        self.path = request.page.get(PAGE_PATH, request.path)
        self.query = urlencode(session.arguments, doseq=True) if PAGE_PATH in request.page else ""
        self.uri = f"{self.path}?{self.query}" if self.query else self.path
        self.method = "GET"
        self.remote_ip = request.remote_address

    def __getattr__(self, name: str) -> NoReturn:
        known = ", ".join(sorted(vars(self)))
        raise AttributeError(f"the request of a session has no {name!r}; it has {known}")


class ServerContext:
    """The live sessions of one app in this process."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._contexts: weakref.WeakSet[SessionContext] = weakref.WeakSet()

    @property
    def sessions(self) -> list[SessionContext]:
        """The sessions that are live now; each has ``id``, ``document`` and ``with_document_locked``."""
        with self._lock:
            return [each for each in self._contexts if not each.destroyed]

    def add(self, context: SessionContext) -> None:
        """A session begins."""
        with self._lock:
            self._contexts.add(context)


class LockOwner(Protocol):
    """The document that turns belong to."""

    def guarded(self, awaitable: Awaitable[Any]) -> Awaitable[Any]:
        """Make an awaitable part of the running turn."""


class SessionContext:
    """What ``curdoc().session_context`` is."""

    _subscribed_connections = ()
    """Where Panel would write to, past the document: nowhere."""

    def __init__(
        self,
        session: SessionInfo,
        server_context: ServerContext,
        document: Document,
        host: DocumentHost,
        owner: LockOwner,
    ) -> None:
        self._info = session
        self._document: Document | None = document
        self._host = host
        self._owner = weakref.ref(owner)
        self._lock = threading.Lock()
        self._waiting: set[Future[Any]] = set()
        self._server_context = server_context
        self._request = SessionRequest(session)
        self._token_payload: dict[str, Any] = {}
        self._ahead = session.request.ahead
        if self._ahead is None:
            self.meet(session)

    def meet(self, session: SessionInfo) -> None:
        """This is the session, if the document was built ahead of it."""
        self._info = session
        self._ahead = None
        self._request = SessionRequest(session)
        self._token_payload = {
            "headers": self._request.headers,
            "cookies": self._request.cookies,
            "arguments": self._request.arguments,
        }
        self._server_context.add(self)

    @property
    def id(self) -> str:
        """Id of the session."""
        self._look("the id of the session")
        return self._info.id

    @property
    def logout_url(self) -> str | None:
        """Where the visitor can log out; ``None`` if the site does not say (setting ``logout_url``)."""
        return self._info.logout_url

    @property
    def request(self) -> SessionRequest:
        """The request that opened the session."""
        self._look("the request")
        return self._request

    @property
    def server_context(self) -> ServerContext:
        """The other sessions of the app."""
        self._look("the other sessions")
        return self._server_context

    @property
    def token_payload(self) -> dict[str, Any]:
        """Headers, cookies and arguments, and what the ``process_request`` hook returned."""
        self._look("the request")
        return self._token_payload

    def nobody_came(self) -> None:
        """The document ends, and no visitor has come: hooks that look at the visit now see an empty one."""
        self._ahead = None

    def _look(self, what: str) -> None:
        """Before the visitor has come there is nothing to see."""
        if self._ahead is not None:
            self._ahead.look(what)

    @property
    def document(self) -> Document:
        """The session's document."""
        if self._document is None:
            raise RuntimeError(f"session {self._info.id} has ended")
        return self._document

    @property
    def has_turn(self) -> bool:
        """Whether the running code is in a turn of the session."""
        owner = self._owner()
        return owner is not None and current_turn(owner) is not None

    @property
    def session(self) -> SessionContext:
        """The session itself, for apps that ask for it."""
        return self

    @property
    def page(self) -> Mapping[str, str]:
        """What is known of the page that shows the session."""
        self._look("the page")
        return self._info.request.page

    @property
    def user_name(self) -> str | None:
        """The visitor's name, as the site knows them; ``None`` for a stranger."""
        self._look("the user")
        user = self._info.request.user
        if user is None:
            return None
        name = getattr(user, "get_username", None)  # Django's
        return str(name()) if callable(name) else self._info.request.user_key or str(user)

    def extension_url(self, extension: str) -> str | None:
        """What the page finds ``static/extensions/…`` of an extension below; ``None`` without it."""
        self._look("the address of the page")
        return base_url(self._info.request, extension)

    @property
    def destroyed(self) -> bool:
        """Whether the session has ended."""
        return self._document is None

    def flush(self) -> None:
        """Send what a callback has changed so far, while it goes on; nothing outside of a callback."""
        if self.has_turn:
            self._host.flush()

    @property
    def superseded(self) -> bool:
        """Whether what the running callback works on is out of date: the person has changed it again.

        A callback that takes long may look at this now and then, and return: it will be called with
        the newer value at once.
        """
        return self._host.superseded

    def end(self) -> None:
        """The session has ended: whoever still waits for a turn of it is told."""
        with self._lock:
            self._document = None
            waiting, self._waiting = self._waiting, set()
        for each in waiting:
            if each.set_running_or_notify_cancel():
                each.set_exception(SessionEnded(f"session {self._info.id} has ended"))

    def add_payload(self, values: Mapping[str, Any]) -> None:
        """Add what the ``process_request`` hook returned."""
        self._token_payload.update(values)

    async def with_locked_document(self, func: Callable[[Document], Awaitable[Any]]) -> Any:
        """Await ``func(document)`` as a turn of the session, and return its result.

        From within a turn of this session it runs at once; from anywhere else, such as the code of
        another session, it waits for its turn.

        Raises:
            SessionEnded: the session is over.
        """
        if self.destroyed:
            raise SessionEnded(f"session {self._info.id} has ended")
        owner = self._owner()
        if owner is None or current_turn(owner) is not None:
            return await func(self.document)
        make_part_of_turn = owner.guarded
        done: Future[Any] = Future()
        with self._lock:
            if self.destroyed:
                raise SessionEnded(f"session {self._info.id} has ended")
            self._waiting.add(done)

        async def run() -> None:
            try:
                result = await func(self.document)
            except asyncio.CancelledError:
                done.cancel()
                raise
            except Exception as error:  # noqa: BLE001 - it is raised where it is waited for
                if self._may_settle(done):
                    done.set_exception(error)
            else:
                if self._may_settle(done):
                    done.set_result(result)

        def turn() -> Iterator[Awaitable[Any]]:
            yield make_part_of_turn(run())

        try:
            self._host.post(turn)
            return await asyncio.wrap_future(done)
        finally:
            with self._lock:
                self._waiting.discard(done)

    async def with_document_locked(self, func: Callable[..., Any], *arguments: Any, **named: Any) -> Any:
        """Call ``func`` with these arguments, plain or ``async``, as a turn of the session.

        Under this name the sessions of Bokeh's own ``server_context.sessions`` have it.

        Raises:
            SessionEnded: the session is over.
        """

        async def call(document: Document) -> Any:
            result = func(*arguments, **named)
            return await result if inspect.isawaitable(result) else result

        return await self.with_locked_document(call)

    def _may_settle(self, done: Future[Any]) -> bool:
        """Whether somebody still waits for this; asked once, by the turn or by the end."""
        with self._lock:
            if done not in self._waiting:
                return False
            self._waiting.remove(done)
        return done.set_running_or_notify_cancel()
