"""A plain ASGI site with the contract's apps: `tests.contract.asgi_site:application`."""

from __future__ import annotations

import asyncio
from typing import Any
from urllib.parse import parse_qs

from embedsync import Hub, Settings
from embedsync.asgi import User, application
from embedsync.asgi.scope import parse_cookies
from embedsync.html import embed_element
from tests.contract.apps import all_apps, site_settings
from tests.contract.people import change, user_of


def user_of_cookie(scope: Any) -> User:
    cookie = dict(scope["headers"]).get(b"cookie", b"").decode()
    name = user_of(parse_cookies(cookie).get("user", ""))
    return User(name, name or "")


async def answer(send: Any, body: bytes) -> None:
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-type", b"text/html")]})
    await send({"type": "http.response.body", "body": body})


def create_application() -> Any:
    hub = Hub("for tests only", Settings.of(site_settings()))
    for name, (source, options) in all_apps().items():
        hub.add_app(name, source, **options)
    live = application(hub, user_loader=user_of_cookie, prefix="/live")

    async def site(scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "http" and scope["path"].startswith("/page/"):
            arguments = parse_qs(scope["query_string"].decode())
            name = scope["path"].removeprefix("/page/")
            ticket = hub.ticket(name, arguments, user_key=user_of_cookie(scope).key)
            body = f"<!doctype html>{embed_element(app=name, ticket=ticket, endpoint='/live')}".encode()
            await answer(send, body)
        elif scope["type"] == "http" and scope["path"].startswith("/people/"):
            change(*scope["path"].split("/")[2:])
            await answer(send, b"")
        elif scope["type"] == "http" and scope["path"] == "/leave":
            leaving = user_of_cookie(scope).key
            await answer(send, b"")
            await asyncio.to_thread(hub.dismiss, lambda request: request.user_key == leaving)
        else:
            await live(scope, receive, send)

    return site
