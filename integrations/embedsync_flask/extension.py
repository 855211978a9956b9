"""The Flask extension."""

from __future__ import annotations

import contextlib
import inspect
import logging
import sys
import weakref
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, TypeVar, cast

from flask import (
    Blueprint,
    Flask,
    Response,
    abort,
    after_this_request,
    current_app,
    g,
    has_request_context,
    request,
    url_for,
)
from flask.blueprints import BlueprintSetupState
from flask_sock import Sock
from markupsafe import Markup
from simple_websocket import ConnectionError as SocketError
from simple_websocket import Server
from wsproto.utilities import ProtocolError

from embedsync.documents import load
from embedsync.endpoint import Endpoint
from embedsync.errors import ConfigurationError, UnknownApp
from embedsync.html import embed_element, forbidden_app, missing_app, module_script
from embedsync.hub import Hub, check_name, known_options
from embedsync.request import ENDPOINT_URL, Request
from embedsync.routes import Routes, read_body
from embedsync.running import register
from embedsync.stock.door import PROTOCOL, Door
from embedsync.stock.pages import StockPages
from embedsync_flask.capacity import warn_of_held_threads, with_room
from embedsync_flask.carried import CarriedSocket, NoThread, can_be_carried
from embedsync_flask.config import secret_keys, settings_of
from embedsync_flask.requests import nobody, request_of
from embedsync_flask.socket import EndedSocket, serve_socket
from embedsync_flask.traffic import say_goodbye, traffic_of
from embedsync_flask.users import UserLoader, key_of

__all__ = ["EmbedSync"]

logger = logging.getLogger("embedsync.flask")

_OWN_OPTIONS = inspect.signature(Hub.add_app).parameters.keys() - {"self", "name", "source", "options"}

_Function = TypeVar("_Function", bound=Callable[..., Any])


class EmbedSync:
    """Live documents in the pages of a Flask site.

    Args:
        app: the Flask app; or call :meth:`init_app`, or register :attr:`blueprint`, later.
        url_prefix: under which URL sockets and static files live.
        user_loader: returns the user of the current request, or ``None``; Flask-Login is found by
            itself.

    Settings are read from the app's configuration: ``EMBEDSYNC_GRACE`` and so on, one for each
    field of :class:`embedsync.settings.Settings`. Tickets are signed with the app's ``SECRET_KEY``.
    """

    def __init__(
        self,
        app: Flask | None = None,
        *,
        url_prefix: str = "/live",
        user_loader: UserLoader | None = None,
    ) -> None:
        self._url_prefix = url_prefix
        self._user_loader = user_loader
        self._apps: dict[str, tuple[Any, Mapping[str, Any]]] = {}
        self._checked: weakref.WeakSet[Flask] = weakref.WeakSet()
        self._hubs: weakref.WeakKeyDictionary[Flask, Hub] = weakref.WeakKeyDictionary()
        self.blueprint = self._make_blueprint()
        if app is not None:
            self.init_app(app)

    def init_app(self, app: Flask) -> None:
        """Add the routes to an app, and ``embed_app`` to its templates.

        Raises:
            ConfigurationError: a setting is wrong that is there already. Of those that come later, and of a
                ``SECRET_KEY`` that is missing, the log speaks at the first request.
        """
        app.register_blueprint(self.blueprint, url_prefix=self._url_prefix)

    # Apps.

    def add_app(self, name: str, source: Any, **options: Any) -> None:
        """Add a live app under a name.

        Args:
            name: as in ``embed_app("name")``.
            source: a function ``app(doc)``, sync or async; the path of a script, a directory or a
                notebook; or a ``bokeh.application.Application``.
            options: see :meth:`embedsync.hub.Hub.add_app`: ``shared``, ``grace``, ``permission`` …

        Raises:
            ConfigurationError: the name is taken, or the source is not usable.
        """
        check_name(name)
        if name in self._apps:
            raise ConfigurationError(f"there is an app {name!r} already")
        own = {key: options.pop(key) for key in _OWN_OPTIONS & options.keys()}
        recipe = load(source, **known_options(name, options))
        recipe.check()
        self._apps[name] = (recipe, own)
        for hub in self._hubs.values():
            hub.add_app(name, recipe, **own)

    def app(self, name: str, **options: Any) -> Callable[[_Function], _Function]:
        """Add the decorated function as a live app; see :meth:`add_app`."""

        def add(function: _Function) -> _Function:
            self.add_app(name, function, **options)
            return function

        return add

    def update_sessions(self, name: str, function: Callable[[Any], Any]) -> int:
        """Run ``function(doc)`` in each live session of an app; see :meth:`.Hub.update_sessions`.

        Within the context of the Flask app, and without waiting for any session.
        """
        return self.hub.update_sessions(name, function)

    def user_loader(self, loader: UserLoader) -> UserLoader:
        """Let the decorated function say who the user of the current request is.

        It is asked for pages and for handshakes, and again each ``EMBEDSYNC_REVALIDATION`` seconds while a
        socket is open, whose user then has to be the same. Functions that run before each request
        have not run then.
        """
        self._user_loader = loader
        return loader

    def logged_out(self, user: Any) -> None:
        """Close what a user has open, in this process; with Flask-Login this is called by itself.

        The pages say so. Those of another login of the same user go on by themselves, in a new session
        that takes over what was put in.

        Args:
            user: as the user loader returned them.
        """
        key, hub = key_of(user), self.hub
        if not key:
            return

        def dismiss() -> None:
            hub.dismiss(lambda request: request.user_key == key)

        dismiss()
        if has_request_context():
            # Until the browser has this answer, it still has the cookie by which other pages come back.
            after_this_request(lambda response: _when_sent(response, dismiss))

    # In pages.

    def embed_app(
        self,
        name: str,
        *,
        root: str = "",
        height: str | int = "",
        class_: str = "",
        id: str = "",  # noqa: A002  (the word that HTML has for it)
        session: str = "",
        **arguments: Any,
    ) -> Markup:
        """The markup of a live app; in templates ``{{ embed_app("name", symbol="AAPL") }}``.

        Args:
            name: of the app. An unknown one is a visible box in debug mode, else a comment and an
                error in the log.
            root: name of the one root to show here; all roots if empty. If there is none of the name, a
                sentence says so, in debug mode with the names that there are, as the browser's console does.
            height: CSS height of the placeholder while the document loads, such as ``"420px"``.
            class_: CSS classes for the element.
            id: tells apart several sessions of the same app and arguments on one page.
            session: a name under which all visitors of the app meet in one session.
            arguments: for the app, in ``doc.session_context.request.arguments``; signed.

        Raises:
            ConfigurationError: an argument cannot be carried; the message names it.
        """
        hub = self.hub
        try:
            if not hub.permits(hub.app(name), self._request()):
                return Markup(forbidden_app())  # noqa: S704  (fixed text)
            ticket = self._ticket(hub, name, id, session, arguments)
        except UnknownApp as error:
            logger.error("embed_app: %s", error)
            return Markup(missing_app(error, debug=hub.settings.debug))  # noqa: S704  (escaped there)
        element = embed_element(
            app=name,
            ticket=ticket,
            endpoint=self.endpoint,
            root=root,
            height=str(height),
            class_=class_,
            debug=bool(root) and hub.settings.debug,
        )
        return Markup(element) + self._script(hub)  # noqa: S704  (escaped there)

    @property
    def endpoint(self) -> str:
        """URL under which the extension is mounted, as pages of the current request reach it."""
        return url_for("embedsync.http", path="health").removesuffix("/health")

    @property
    def hub(self) -> Hub:
        """The hub of the current Flask app. It is made when it is first needed.

        Raises:
            ConfigurationError: the app has no ``SECRET_KEY``, or a setting is wrong.
        """
        app = current_app._get_current_object()  # type: ignore[attr-defined]
        hub = self._hubs.get(app)
        if hub is None:
            hub = Hub(secret_keys(app), with_room(settings_of(app)), nobody=nobody(app))
            for name, (recipe, options) in self._apps.items():
                hub.add_app(name, recipe, **options)
            hub = self._hubs.setdefault(app, hub)
            register(hub, partial(_stop, hub))
        return hub

    # Inside.

    def _ticket(self, hub: Hub, name: str, page_id: str, session: str, arguments: Mapping[str, Any]) -> str:
        """The ticket of an app on this page: one for all tags that name the same."""
        tickets: dict[tuple[str, ...], str] = g.setdefault("_embedsync_tickets", {})
        key = (name, page_id, session, repr(sorted(arguments.items())))
        if key not in tickets:
            tickets[key] = hub.ticket(
                name,
                arguments,
                session=session,
                user_key=self._request().user_key,
                page={ENDPOINT_URL: self.endpoint},
            )
        return tickets[key]

    def _script(self, hub: Hub) -> Markup:
        if g.get("_embedsync_script"):
            return Markup("")
        g._embedsync_script = True
        nonce = getattr(request, "csp_nonce", "")
        endpoint = self.endpoint
        script = module_script(
            f"{endpoint}/{hub.assets.runtime_url()}",
            modules=[f"{endpoint}/{each}" for each in hub.assets.runtime_imports()],
            nonce=nonce() if callable(nonce) else nonce,
        )
        return Markup(script)  # noqa: S704  (escaped there)

    def _request(self) -> Request:
        made: Request | None = g.get("_embedsync_request")
        if made is None:
            made = g._embedsync_request = request_of(self._user_loader)
        return made

    def _make_blueprint(self) -> Blueprint:
        blueprint = Blueprint("embedsync", __name__)
        blueprint.record(self._registered)
        blueprint.before_request(self._before_socket)
        blueprint.before_app_request(self._check_once)
        blueprint.add_url_rule("/<path:path>", "http", self._http, methods=["GET", "HEAD", "POST", "OPTIONS"])
        views = _Views()
        Sock().route("/socket", bp=views)(self._socket)
        self._view_of_flask_sock = views.kept
        blueprint.add_url_rule("/socket", "socket", self._own_socket, websocket=True)
        # By hand, because flask-sock knows subprotocols only for all sockets of a site.
        blueprint.add_url_rule("/<path:name>/ws", "stock_socket", self._stock_socket, websocket=True)
        return blueprint

    def _check_once(self) -> None:
        """Pages without live apps are there whatever is wrong with these, but somebody has to hear of it."""
        app = current_app._get_current_object()  # type: ignore[attr-defined]
        if app in self._checked:
            return
        self._checked.add(app)
        try:
            _ = self.hub
        except ConfigurationError as error:
            logger.error("live apps cannot be shown: %s", error)

    def _registered(self, state: BlueprintSetupState) -> None:
        settings_of(cast(Flask, state.app))
        state.app.extensions["embedsync"] = self
        state.app.jinja_env.globals["embed_app"] = self.embed_app
        with contextlib.suppress(ImportError):  # The site has logins of another kind, or none.
            from flask_login import user_logged_out

            user_logged_out.connect(self._logged_out, sender=state.app)

    def _logged_out(self, sender: Flask, user: Any, **kwargs: Any) -> None:
        self.logged_out(user)

    def _before_socket(self) -> Response | None:
        if request.endpoint not in ("embedsync.socket", "embedsync.stock_socket"):
            return None
        if request.headers.get("Upgrade", "").lower() != "websocket":
            return self._http(request.path.rpartition("/")[2])
        # Compressing each message would cost more than it saves, and inflating what a stranger
        # sends is a risk: no extension of the handshake is taken up.
        request.environ.pop("HTTP_SEC_WEBSOCKET_EXTENSIONS", None)
        carried = can_be_carried(request.environ, _socket_options())
        if not carried and not request.environ.get("wsgi.multithread"):
            logger.error(
                "this server has one thread, which a single open page would hold: run "
                "gunicorn -c python:embedsync_flask.gunicorn, or give it threads"
            )
            abort(503)
        if request.endpoint == "embedsync.socket" and not Routes(self.hub).admits("socket", self._request()):
            abort(403)
        return None

    def _own_socket(self) -> Any:
        options = _socket_options()
        if not can_be_carried(request.environ, options):
            warn_of_held_threads(request.environ, self.hub.settings)
            return self._view_of_flask_sock()
        server = _handshake(thread_class=NoThread, **options)
        opening_bytes = self.hub.settings.opening_message_bytes
        return self._carry(server, self.hub.connect(self._request()), opening_bytes)

    def _socket(self, socket: Any) -> None:
        serve_socket(socket, self.hub.connect(self._request()), self.hub.settings)

    def _carry(self, server: Server, endpoint: Endpoint, opening_bytes: int = sys.maxsize) -> Response:
        server.max_message_size = self.hub.settings.message_bytes
        try:
            CarriedSocket(server, endpoint, traffic_of(self.hub), opening_bytes).serve()
        except (OSError, RuntimeError) as error:
            # The handshake is answered: whatever else is written here would be taken for frames.
            logger.error("a socket has to come back, for the process has no room for it: %s", error)
        return EndedSocket(server)

    def _stock_socket(self, name: str) -> Response:
        hub, door = self.hub, Door(self.hub)
        if StockPages(hub).socket_app(f"{name}/ws") is None:
            abort(404)
        offered = [each.strip() for each in request.headers.get("Sec-WebSocket-Protocol", "").split(",")]
        grant = door.admit(name, offered, request.query_string.decode("latin-1"), self._request())
        if grant is None:
            abort(403)
        if can_be_carried(request.environ, {}):
            server = _handshake(subprotocols=[PROTOCOL], thread_class=NoThread)
            return self._carry(server, door.connect(grant, self._request()))
        server = _handshake(subprotocols=[PROTOCOL])
        serve_socket(server, door.connect(grant, self._request()), hub.settings)
        return EndedSocket(server)

    def _http(self, path: str) -> Response:
        query = request.query_string.decode("latin-1")
        stock = StockPages(self.hub).respond(request.method, path, query, self._request())
        if stock is not None:
            return Response(stock.body, stock.status, list(stock.headers))
        routes = Routes(self.hub)
        body = read_body(request.stream, routes.body_limit) if request.method == "POST" else b""
        if body is None:
            abort(413)
        answer = routes.respond(request.method, path, self._request(), body)
        return Response(answer.body, answer.status, list(answer.headers))


class _Views:
    """Stands in for a blueprint: it keeps the view that flask-sock adds to it."""

    kept: Callable[[], Any]

    def route(self, path: str, **options: Any) -> Callable[[Callable[[], Any]], None]:
        """See :class:`flask.Blueprint`."""

        def keep(view: Callable[[], Any]) -> None:
            self.kept = view

        return keep


def _handshake(**options: Any) -> Server:
    """Answer the handshake of the current request. What is none is refused, and not for the log to tell."""
    try:
        return Server(request.environ, **options)
    except (ProtocolError, SocketError, OSError, ValueError) as error:
        logger.debug("a handshake failed: %s", error)
        abort(400)


def _socket_options() -> Mapping[str, Any]:
    options: Mapping[str, Any] = current_app.config.get("SOCK_SERVER_OPTIONS", {})
    return options


def _stop(hub: Hub) -> None:
    hub.stop()
    say_goodbye(hub)


def _when_sent(response: Response, call: Callable[[], None]) -> Response:
    response.call_on_close(call)
    return response
