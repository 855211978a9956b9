"""What the template tag prints."""

from __future__ import annotations

import datetime as dt
import re
import uuid
from decimal import Decimal
from typing import Any

import django
import pytest
from django.core.cache import cache
from django.template import TemplateSyntaxError
from django.test import Client as Pages
from django.test import override_settings
from django.utils import timezone, translation
from django.utils.translation import gettext_lazy

from embedsync_django import embed
from embedsync_django.tag import embed_app
from tests.django.support import attributes, grant_of, logged_in, member, render, visit

ENGINES = [
    ("django", "{% embed_app 'plain' symbol=value %}"),
    ("jinja2", "{{ embed_app('plain', symbol=value) }}"),
]
STRICT = {
    "django-csp": ("csp.middleware.CSPMiddleware", "CONTENT_SECURITY_POLICY"),
    "django 6": ("django.middleware.csp.ContentSecurityPolicyMiddleware", "SECURE_CSP"),
}


def test_a_tag_prints_an_element_and_a_module_script_and_nothing_inline() -> None:
    page = render("{% embed_app 'plain' %}", visit())
    assert re.fullmatch(
        r'<embed-app app="plain" ticket="[\w.-]+" endpoint="/live"></embed-app>'
        r'<script type="module" src="/static/embedsync/static/\w+/embed\.js"></script>',
        page,
    )


def test_in_debug_mode_modules_are_named_for_preloading_once() -> None:
    with override_settings(EMBEDSYNC={"DEBUG": True}):
        one, two = render("{% embed_app 'plain' %}", visit()), render("{% embed_app 'plain' %}" * 2, visit())
    assert two.count("<script") == 2
    assert two.count("modulepreload") == one.count("modulepreload") > 15


def test_tags_that_name_the_same_share_a_session_and_others_do_not() -> None:
    page = render(
        "{% embed_app 'plain' root='plot' %}{% embed_app 'plain' root='controls' %}"
        "{% embed_app 'plain' symbol='A' %}{% embed_app 'plain' id=2 %}",
        visit(),
    )
    first, second, third, fourth = [each["ticket"] for each in attributes(page)]
    assert first == second
    assert len({first, third, fourth}) == 3
    assert [each.get("root") for each in attributes(page)] == ["plot", "controls", None, None]


def test_class_and_height_reach_the_element_and_are_escaped() -> None:
    page = render("{% embed_app 'plain' class='wide \"x' height=420 %}", visit())
    assert 'class="wide &quot;x"' in page
    assert 'height="420"' in page


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("AAPL", ["AAPL"]),
        (7, ["7"]),
        (True, ["true"]),
        (None, None),
        ([1, "two"], ["1", "two"]),
        ({"a": 1}, ['{"a": 1}']),
        (uuid.UUID(int=1), ["00000000-0000-0000-0000-000000000001"]),
        (Decimal("1.50"), ["1.50"]),
        (dt.date(2026, 1, 2), ["2026-01-02"]),
        (gettext_lazy("Monday"), ["Monday"]),
    ],
    ids=str,
)
@pytest.mark.parametrize(("using", "source"), ENGINES)
def test_keyword_arguments_become_arguments_of_the_app(
    using: str, source: str, value: Any, expected: Any
) -> None:
    page = render(source, visit(), using=using, value=value)
    assert grant_of(page).arguments == ({"symbol": expected} if expected else {})


NO_JSON = [object(), {1, 2}, float("nan"), b"bytes"]


@pytest.mark.parametrize("value", NO_JSON, ids=lambda value: type(value).__name__)
@pytest.mark.parametrize(("using", "source"), ENGINES)
def test_an_argument_that_is_not_json_is_named(using: str, source: str, value: Any) -> None:
    with pytest.raises(TemplateSyntaxError, match="argument 'symbol'"):
        render(source, visit(), using=using, value=value)


@pytest.mark.parametrize(("using", "source"), ENGINES)
def test_arguments_that_are_too_long_are_an_error_of_the_template(using: str, source: str) -> None:
    value = "".join(uuid.uuid4().hex for _ in range(1000))
    with pytest.raises(TemplateSyntaxError, match="too long"):
        render(source, visit(), using=using, value=value)


def test_an_argument_may_have_any_name() -> None:
    page = embed_app(visit(), "plain", http="1", name="2", request="3", hub="4")
    assert grant_of(page).arguments == {"http": ["1"], "name": ["2"], "request": ["3"], "hub": ["4"]}


def test_jinja2_prints_the_same_markup_and_does_not_escape_it() -> None:
    page = Pages().get("/template/page.jinja/plain").content.decode()
    assert attributes(page)[0]["class"] == "wide"
    assert page.count('<script type="module"') == 1


def test_an_unknown_app_is_a_visible_box_in_debug_mode() -> None:
    with override_settings(DEBUG=True):
        page = render("<p>before</p>{% embed_app 'plane' %}<p>after</p>", visit())
    assert "&#x27;plain&#x27;" in page
    assert 'role="alert"' in page
    assert page.endswith("<p>after</p>")


def test_an_unknown_app_is_a_comment_and_a_logged_error_in_production(
    caplog: pytest.LogCaptureFixture,
) -> None:
    response = Pages().get("/page/plane")
    assert response.status_code == 200
    assert response.content == b"<!doctype html><!-- embedsync: unknown app -->"
    assert "'plane'" in caplog.text
    assert "'sliders'" in caplog.text


@pytest.mark.parametrize(("using", "source"), ENGINES)
def test_without_a_request_the_error_says_what_to_do(using: str, source: str) -> None:
    with pytest.raises(TemplateSyntaxError, match=r"render\(request"):
        render(source, None, using=using, value=1)


def test_a_fragment_that_is_included_with_nothing_else_knows_the_request() -> None:
    assert "<embed-app" in render("{% include 'page.html' with name='plain' only %}", visit())


def test_who_may_not_use_an_app_is_told_so_and_gets_no_ticket() -> None:
    page = Pages().get("/page/members").content.decode()
    assert "You are not allowed" in page
    assert "ticket" not in page
    assert "<embed-app" in logged_in(member()).get("/page/members").content.decode()


def test_a_permission_by_name_is_asked() -> None:
    assert "You are not allowed" in logged_in(member()).get("/page/board").content.decode()
    assert "<embed-app" in logged_in(member(is_superuser=True)).get("/page/board").content.decode()


def test_a_permission_that_raises_refuses_and_the_page_stands(caplog: pytest.LogCaptureFixture) -> None:
    response = Pages().get("/page/broken")
    assert response.status_code == 200
    assert b"You are not allowed" in response.content
    assert "the database is away" in caplog.text


@pytest.mark.parametrize("name", ["plain", "members", "staff"])
def test_async_views_may_print_the_tag(name: str) -> None:
    user = member(is_staff=True)
    page = logged_in(user).get(f"/async/{name}").content.decode()
    assert grant_of(page).user_key == str(user.pk)


def test_a_site_without_users_has_strangers_only() -> None:
    page = render("{% embed_app 'plain' %}", visit())
    assert grant_of(page).user_key == ""


def test_a_page_that_was_made_without_middleware_knows_who_is_logged_in_all_the_same() -> None:
    user = member()
    request = visit()
    request.COOKIES = {name: each.value for name, each in logged_in(user).cookies.items()}
    assert grant_of(render("{% embed_app 'plain' %}", request)).user_key == str(user.pk)


def test_what_was_rendered_and_thrown_away_takes_nothing_from_the_page() -> None:
    request = visit()
    render("{% embed_app 'plain' %}", request)
    assert '<script type="module"' in render("{% embed_app 'plain' %}", request)


def test_a_cached_fragment_is_complete() -> None:
    cache.clear()
    fragment = "{% load cache %}{% cache 100 fragment %}{% embed_app 'plain' %}{% endcache %}"
    render("{% embed_app 'sliders' %}" + fragment, visit())
    assert '<script type="module"' in render(fragment, visit())


def test_a_test_of_the_site_may_make_up_user_and_session() -> None:
    request = visit()
    request.user, request.session = member(), {}
    assert grant_of(render("{% embed_app 'members' %}", request)).user_key == str(request.user.pk)


def test_users_who_change_while_a_request_is_answered_do_not_share_a_ticket() -> None:
    request = visit()
    request.user, other = member(), member()
    first = grant_of(render("{% embed_app 'plain' %}", request))
    request.user = other
    assert first.user_key != grant_of(render("{% embed_app 'plain' %}", request)).user_key == str(other.pk)


@pytest.mark.parametrize("policy", STRICT)
def test_the_nonce_of_the_page_is_on_everything_that_loads_code(policy: str) -> None:
    middleware, setting = STRICT[policy]
    if policy == "django 6":
        if django.VERSION < (6,):
            pytest.skip("Django has its own policies since 6.0")
        from django.utils.csp import CSP

        value: Any = {"script-src": [CSP.SELF, CSP.NONCE]}
    else:
        from csp.constants import NONCE, SELF

        value = {"DIRECTIVES": {"script-src": [SELF, NONCE]}}
    from django.conf import settings

    with override_settings(MIDDLEWARE=[*settings.MIDDLEWARE, middleware], **{setting: value}):
        response = Pages().get("/page/plain")
    [nonce] = re.findall(r"'nonce-([^']+)'", response.headers["Content-Security-Policy"])
    page = response.content.decode()
    loaded = re.findall(r"<(?:script|link)[^>]*>", page)
    assert loaded
    assert all(f'nonce="{nonce}"' in each for each in loaded)


def test_language_and_time_zone_of_the_page_are_noted_in_the_ticket() -> None:
    with translation.override("de"), timezone.override("Asia/Tokyo"):
        page = grant_of(render("{% embed_app 'plain' %}", visit())).page
    assert (page["language"], page["time_zone"]) == ("de", "Asia/Tokyo")


def test_nothing_starts_by_printing_a_tag() -> None:
    render("{% embed_app 'plain' %}", visit())
    assert embed.hub.status() == {"status": "ok", "sessions": 0, "sockets": 0}
