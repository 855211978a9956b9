"""A site whose visitors are known by an authentication module; strangers are sent to log in."""

from __future__ import annotations

import asyncio
import logging
from dataclasses import dataclass
from urllib.parse import quote

from embedsync.asgi.http import BodyTooLongError, DisconnectedError, read_body, send_response, text_response
from embedsync.asgi.page_options import ENDPOINT
from embedsync.asgi.protocol import ASGIApplication, Receive, Scope, Send
from embedsync.asgi.scope import path_below
from embedsync.asgi.socket import refuse
from embedsync.asgi.users import AGAIN, STRANGER, User
from embedsync.cli.auth_module import USER, AuthModule, named_user
from embedsync.cli.tornado_handlers import Handlers
from embedsync.hub import Hub
from embedsync.routes import Response, Routes

__all__ = ["Authenticated", "Secrets"]

logger = logging.getLogger("embedsync.cli")

_PUBLIC = ("/favicon.ico", "/static/js/", "/static/extensions/")
_LONGEST_FORM = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Secrets:
    """What Tornado's cookies need.

    Attributes:
        cookies: signs cookies; ``None`` where none are signed.
        xsrf: whether forms must carry a token.
    """

    cookies: str | None
    xsrf: bool


class Authenticated:
    """Lets known visitors through to an application.

    Args:
        application: what they come for; the scope holds who they are.
        hub: of the application; who logs out is out of its sessions at once.
        module: says who a visitor is.
        prefix: where the application begins.
        secrets: for cookies.
    """

    def __init__(
        self, application: ASGIApplication, hub: Hub, module: AuthModule, prefix: str, secrets: Secrets
    ) -> None:
        self._application = application
        self._hub = hub
        self._routes = Routes(hub)
        self._module = module
        self._prefix = prefix
        self._login = _place(module.login_url) if module.login_handler else None
        self._logout = _place(module.logout_url) if module.logout_handler else None
        served = [(self._login, module.login_handler), (self._logout, module.logout_handler)]
        self._handlers = Handlers(
            [(f"{prefix}{path}", handler) for path, handler in served if path is not None],
            cookie_secret=secrets.cookies,
            xsrf_cookies=secrets.xsrf,
        )

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one scope."""
        if scope["type"] not in ("http", "websocket"):
            await self._application(scope, receive, send)
            return
        path = path_below(scope, self._prefix)
        if scope["type"] == "http" and path is not None and path in (self._login, self._logout):
            await self._handle(path, scope, receive, send)
            return
        if path is None or self._is_public(path):
            await self._application(scope, receive, send)
            return
        try:
            user = await self._user(scope)
            stranger = self._to_log_in(scope) if user is None and scope["type"] == "http" else None
        except Exception:
            logger.exception("the auth module failed, so nobody is let in")
            user, stranger = None, text_response(500, "something went wrong here")
        if user is not None:
            await self._application({**scope, USER: user, AGAIN: self._again}, receive, send)
        elif scope["type"] == "websocket":
            await receive()  # It is `websocket.connect`.
            await refuse(scope, send, 403)
        elif stranger is not None:
            await send_response(send, stranger)

    def _is_public(self, path: str) -> bool:
        first, _, rest = path.removeprefix("/").partition("/")
        if first == ENDPOINT:
            return self._routes.is_public(rest)
        return path.startswith(_PUBLIC)

    async def _user(self, scope: Scope) -> User | None:
        """Who makes this request; ``None`` for somebody who has to log in."""
        module = self._module
        if module.get_user_async is not None:
            found = await module.get_user_async(self._handlers.handler(scope))
        elif module.get_user is not None:
            # It may ask a database.
            found = await asyncio.to_thread(module.get_user, self._handlers.handler(scope))
        else:
            return STRANGER
        user = named_user(found)
        return None if user is STRANGER else user

    async def _again(self, scope: Scope) -> User:
        return await self._user(scope) or STRANGER

    def _to_log_in(self, scope: Scope) -> Response:
        if scope["method"] not in ("GET", "HEAD"):
            return text_response(403, "you have to log in first")
        query = scope.get("query_string", b"").decode("latin-1")
        here = f"{scope['path']}?{query}" if query else scope["path"]
        if self._module.get_login_url is not None:
            url = self._module.get_login_url(self._handlers.handler(scope))
        else:
            url = f"{self._prefix}{_place(self._module.login_url)}"
        target = url if "?" in url else f"{url}?next={quote(here, safe='')}"
        return Response(302, headers=[("Location", target), ("Cache-Control", "no-store")])

    async def _handle(self, path: str, scope: Scope, receive: Receive, send: Send) -> None:
        leaving = await self._user(scope) if path == self._logout else None
        try:
            response = await self._handlers.respond(scope, await read_body(receive, _LONGEST_FORM))
        except DisconnectedError:
            return
        except BodyTooLongError:
            response = text_response(413, "the request is too long")
        try:
            await send_response(send, response, head=scope["method"] == "HEAD")
        finally:
            # Not before: their other pages would come back with the cookie that this response takes away.
            if leaving is not None and leaving is not STRANGER:
                await asyncio.to_thread(self._hub.dismiss, lambda request: request.user_key == leaving.key)


def _place(url: str | None) -> str:
    return f"/{(url or '').lstrip('/')}"
