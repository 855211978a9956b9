"""Who is logged in: when a socket opens, and whether they still are."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import pytest
from channels.auth import AuthMiddlewareStack
from channels.sessions import InstanceSessionWrapper
from django.contrib.auth import SESSION_KEY
from django.contrib.auth.models import Permission
from django.contrib.sessions.models import Session
from django.core.cache import cache
from django.db import connections
from django.test import override_settings
from websockets.exceptions import ConnectionClosed

from embedsync import wire
from embedsync.tickets import Grant, Tickets
from embedsync_django import embed
from embedsync_django.consumers import past_sessions
from embedsync_django.requests import handshake_of
from embedsync_django.users import EndedLogins, user_of_cookies
from tests.contract.client import Attached, Client, elements_of
from tests.contract.test_contract import _renew as renew
from tests.django.site.models import Member
from tests.django.support import cookie_header, logged_in, member, open_app, served
from tests.django.test_handshake import scope
from tests.support.memory import wait_until

ENGINES = ["db", "cached_db", "cache", "file", "signed_cookies"]


@pytest.fixture(params=ENGINES)
def engine(request: pytest.FixtureRequest) -> Iterator[str]:
    cache.clear()
    with override_settings(SESSION_ENGINE=f"django.contrib.sessions.backends.{request.param}"):
        yield request.param


def cookies_of(user: Member) -> dict[str, str]:
    return {name: each.value for name, each in logged_in(user).cookies.items()}


def test_the_user_of_each_session_engine_is_found(engine: str) -> None:
    user = member()
    assert user_of_cookies(cookies_of(user)) == user
    assert user_of_cookies({"sessionid": "nothing-of-ours"}).is_anonymous
    assert user_of_cookies({}).is_anonymous


def test_who_was_deleted_made_inactive_or_has_a_new_password_is_a_stranger(engine: str) -> None:
    deleted, inactive, changed = member(), member(), member()
    cookies = [cookies_of(each) for each in (deleted, inactive, changed)]
    deleted.delete()
    Member.objects.filter(pk=inactive.pk).update(is_active=False)
    changed.set_password("another")
    changed.save()
    assert all(user_of_cookies(each).is_anonymous for each in cookies)


def test_looking_at_a_session_that_a_former_key_has_signed_does_not_end_it() -> None:
    user = member()
    cookies = cookies_of(user)
    with override_settings(SECRET_KEY="the next one", SECRET_KEY_FALLBACKS=["for tests only"]):
        assert user_of_cookies(cookies) == user
        assert user_of_cookies(cookies) == user
    assert Session.objects.filter(session_key=cookies["sessionid"]).exists()


def test_a_look_changes_nothing_in_the_session_of_who_is_no_longer_logged_in() -> None:
    user = member()
    cookies = cookies_of(user)
    user.set_password("another")
    user.save()
    user_of_cookies(cookies)
    assert Session.objects.filter(session_key=cookies["sessionid"]).exists()


def test_a_project_without_users_has_strangers_only() -> None:
    from django.apps import apps

    without = [each.name for each in apps.get_app_configs() if each.name != "django.contrib.auth"]
    with override_settings(INSTALLED_APPS=[each for each in without if "tests" not in each]):
        assert user_of_cookies({"sessionid": "of another project on this host"}) is None


def test_a_cookie_of_another_project_does_no_harm_to_one_without_sessions() -> None:
    from django.apps import apps

    without = [each.name for each in apps.get_app_configs() if each.name != "django.contrib.sessions"]
    with override_settings(INSTALLED_APPS=without):
        assert user_of_cookies({"sessionid": "of another project on this host"}).is_anonymous


def look_again(**of_scope: Any) -> Any:
    """Who a socket's user is at the next look; ``None`` if they are to leave."""
    request = handshake_of({**scope(), **of_scope})
    assert request.reload is not None
    return request.reload


def test_a_model_that_a_middleware_has_found_is_looked_up_again() -> None:
    user = member()
    look = look_again(user=user)
    Member.objects.filter(pk=user.pk).update(first_name="New")
    assert look().user.first_name == "New"
    Member.objects.filter(pk=user.pk).update(is_active=False)
    assert look() is None
    user.delete()
    assert look() is None


def test_a_user_who_is_no_model_stays_who_they_are() -> None:
    class Robot:
        pk = "robot"
        is_authenticated = True

    look = look_again(user=Robot())
    assert look().user_key == "robot"


def test_a_user_of_the_middleware_of_channels_is_looked_up_by_their_login() -> None:
    user = member()
    header = cookie_header(logged_in(user))["Cookie"]
    key = header.partition("sessionid=")[2].partition(";")[0]
    look = look_again(
        user=user,
        session={SESSION_KEY: str(user.pk)},
        headers=[*scope()["headers"], (b"cookie", header.encode())],
    )
    assert look().user_key == str(user.pk)
    Session.objects.filter(session_key=key).delete()
    assert look() is None


def test_the_middleware_of_channels_may_stand_around_the_project() -> None:
    from django.core.asgi import get_asgi_application

    from embedsync_django.asgi import with_live_apps

    user = member()
    live = with_live_apps(get_asgi_application())
    stack = AuthMiddlewareStack(live)

    async def site(scope: Any, receive: Any, send: Any) -> None:
        await (stack if scope["type"] == "websocket" else live)(scope, receive, send)

    with served(site) as url:
        client, attached = open_app(url, "members", cookie_header(logged_in(user)))
        with client:
            assert user.username in client.value(attached, "report", "value")


class WatchesMessages(InstanceSessionWrapper):  # type: ignore[misc]  # Channels ships no types.
    """What a site has made of it."""


def test_messages_go_past_the_middleware_for_sessions_and_past_nothing_else(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def send(message: Any) -> None:
        """Take it."""

    scope = {"cookies": {}}
    once = InstanceSessionWrapper(scope, send)
    assert past_sessions(send) is send
    assert past_sessions(once.send) is send
    assert past_sessions(InstanceSessionWrapper(once.scope, once.send).send) is send
    watching = WatchesMessages(scope, send).send
    assert past_sessions(watching) is watching
    monkeypatch.setattr(InstanceSessionWrapper, "save_message_types", ["websocket.send"])
    assert past_sessions(once.send) == once.send


def test_a_permission_is_asked_when_a_session_is_opened_and_when_it_is_resumed() -> None:
    user = member()
    user.user_permissions.add(Permission.objects.get(codename="use_board"))
    headers = cookie_header(logged_in(user))
    with served() as url:
        client, attached = open_app(url, "board", headers)
        ticket = elements_of(f"{url}/page/board", headers)[0].ticket
        client.cut()
        user.user_permissions.clear()
        with Client(client.endpoint, **headers) as again:
            assert again.closed_with(again.resume(attached)) == wire.Close.FORBIDDEN
            assert again.closed_with(again.open(ticket)) == wire.Close.FORBIDDEN
        assert renew(client.endpoint, ticket, headers["Cookie"]) == 403


@pytest.mark.parametrize(
    "change",
    [
        lambda user: user.user_permissions.clear(),
        lambda user: Member.objects.filter(pk=user.pk).update(is_active=False),
        lambda user: user.delete(),
        lambda user: (user.set_password("another"), user.save()),
        lambda user: Session.objects.all().delete(),
    ],
    ids=["permission", "inactive", "deleted", "password", "session"],
)
def test_who_may_not_stay_is_sent_away_at_the_next_look(change: Any) -> None:
    with override_settings(EMBEDSYNC={"REVALIDATION": 0.2}):
        user = member()
        user.user_permissions.add(Permission.objects.get(codename="use_board"))
        headers = cookie_header(logged_in(user))
        with served() as url:
            client, attached = open_app(url, "board", headers)
            change(user)
            connections.close_all()
            with client:
                assert sent_away_with(client, attached) in (wire.Close.FORBIDDEN, wire.Close.TICKET_EXPIRED)


def sent_away_with(client: Client, attached: Attached) -> int:
    """The code with which the document, or the whole socket, is closed."""
    try:
        return int(client.wait(lambda: client.closed_with(attached)))
    except ConnectionClosed:
        return client.wait_closed()


def test_who_stays_logged_in_stays() -> None:
    with override_settings(EMBEDSYNC={"REVALIDATION": 0.05, "HEARTBEAT": 0.2}):
        headers = cookie_header(logged_in(member()))
        with served() as url:
            client, attached = open_app(url, "members", headers)
            with client:
                client.wait(lambda: client.pings >= 3)
                assert client.closed_with(attached) is None


@pytest.mark.parametrize("path", ["/out", "/async-out"])
def test_logging_out_closes_what_is_open_under_that_login_and_nothing_else(engine: str, path: str) -> None:
    user, other = member(), member()
    pages = logged_in(user)
    headers, others = cookie_header(pages), cookie_header(logged_in(other))
    with served() as url:
        client, _ = open_app(url, "plain", headers)
        unmoved, attached = open_app(url, "plain", others)
        with client, unmoved:
            assert pages.get(path).status_code == 200
            assert client.wait_closed() == wire.Close.TICKET_EXPIRED
            assert unmoved.result(attached, unmoved.set(attached, "amount", "value", 3)).commit
        wait_until(lambda: [live.info.request.user_key for live in embed.hub.sessions] == [str(other.pk)])


def test_another_login_of_the_same_user_goes_on() -> None:
    user = member()
    here, there = logged_in(user), logged_in(user)
    with served() as url:
        client, attached = open_app(url, "plain", cookie_header(there))
        with client:
            here.get("/out")
            assert client.result(attached, client.set(attached, "amount", "value", 3)).commit


def test_while_a_logout_is_answered_its_login_gets_no_fresh_ticket(engine: str) -> None:
    """The page asks as soon as its socket is closed, and the session is ended a moment later."""
    from django.contrib.auth.signals import user_logged_out

    pages = logged_in(member())
    headers = cookie_header(pages)
    answers: list[int] = []
    with served() as url:
        element = elements_of(f"{url}/page/plain", headers)[0]
        assert renew(element.endpoint, element.ticket, headers["Cookie"]) == 200

        def ask(**kwargs: Any) -> None:
            answers.append(renew(element.endpoint, element.ticket, headers["Cookie"]))
            with Client(element.endpoint, **headers) as client:
                answers.append(int(client.closed_with(client.open(element.ticket)) or 0))

        user_logged_out.connect(ask)
        try:
            pages.get("/out")
        finally:
            user_logged_out.disconnect(ask)
    assert answers == [403, wire.Close.TICKET_EXPIRED]


def test_ended_logins_are_forgotten_when_there_are_many() -> None:
    ended = EndedLogins(limit=2)
    for key in ("a", "b", "c"):
        ended.add(key)
    assert [each in ended for each in ("a", "b", "c")] == [False, True, True]


def test_an_altered_ticket_and_that_of_somebody_else_are_refused() -> None:
    headers = cookie_header(logged_in(member()))
    with served() as url:
        element = elements_of(f"{url}/page/plain", headers)[0]
        with Client(element.endpoint) as stranger:
            assert stranger.closed_with(stranger.open(element.ticket)) == wire.Close.TICKET_EXPIRED
        with Client(element.endpoint, **headers) as client:
            assert client.closed_with(client.open(f"x{element.ticket[1:]}")) == wire.Close.FORBIDDEN
        assert renew(element.endpoint, element.ticket, "") == 403


def test_a_page_gets_a_fresh_ticket_for_one_that_has_expired() -> None:
    user = member()
    headers = cookie_header(logged_in(user))
    keys = {"max_age": 1, "renewal_age": 1, "now": lambda: time.time() - 1000}
    expired = Tickets(["for tests only"], **keys).sign(Grant("plain", {}, user_key=str(user.pk)))
    with served() as url:
        with Client(f"{url}/live/", **headers) as client:
            assert client.closed_with(client.open(expired)) == wire.Close.TICKET_EXPIRED
        assert renew(f"{url}/live/", expired, headers["Cookie"]) == 200
