from __future__ import annotations

import asyncio
import gc
import weakref
from dataclasses import replace
from typing import Any

import pytest
from bokeh.io import curdoc
from bokeh.models import Div

from embedsync.documents.bokeh.session_context import SessionContext
from embedsync.errors import MailboxFull, SessionEnded
from tests.documents.bokeh.harness import Live, info


def context_of(live: Live) -> SessionContext:
    context: Any = live.doc.session_context
    assert isinstance(context, SessionContext)
    return context


def test_the_app_sees_its_arguments_cookies_headers_and_user() -> None:
    session = info(
        "abc", {"symbol": [b"AAPL"]}, cookies={"c": "1"}, headers={"Accept": "*"}, user="ada", host="h:1"
    )
    seen: list[Any] = []

    def app(doc: Any) -> None:
        context = curdoc().session_context
        assert context is not None
        seen.append(context)

    Live(app, session=session)
    (context,) = seen
    request = context.request
    assert context.id == "abc"
    assert request.arguments == {"symbol": [b"AAPL"]}
    assert (request.cookies, request.headers, request.user) == ({"c": "1"}, {"Accept": "*"}, "ada")
    assert (request.protocol, request.host, request.method) == ("http", "h:1", "GET")
    assert context.token_payload["arguments"] == {"symbol": [b"AAPL"]}
    assert context.logout_url is None
    assert not context.destroyed


def test_the_request_is_that_of_the_page_where_the_page_shows_nothing_but_the_app() -> None:
    session = info("abc", {"a": [b"1", b"2"]}, path="/_embedsync/socket", page={"path": "/apps/stocks"})
    request = context_of(Live(lambda doc: None, session=session)).request
    assert (request.path, request.query, request.uri) == (
        "/apps/stocks", "a=1&a=2", "/apps/stocks?a=1&a=2"
    )  # fmt: skip


def test_the_app_knows_where_to_log_out_if_the_site_says_so() -> None:
    session = replace(info("abc"), logout_url="/bye")
    assert context_of(Live(lambda doc: None, session=session)).logout_url == "/bye"


def test_an_attribute_that_the_request_lacks_is_named_with_those_it_has() -> None:
    request = context_of(Live(lambda doc: None)).request
    with pytest.raises(AttributeError, match=r"no 'session'; it has arguments, cookies, headers"):
        _ = request.session


def test_the_server_context_lists_the_live_sessions_of_the_app() -> None:
    first = Live(lambda doc: doc.add_root(Div(text="first")), session=info("one"))
    second = Live(first.recipe, session=info("two"))
    sessions = context_of(first).server_context.sessions
    assert {each.id for each in sessions} == {"one", "two"}
    assert second.doc in [each.document for each in sessions]
    second.document.destroy()
    assert [each.id for each in context_of(first).server_context.sessions] == ["one"]


def test_another_session_changes_a_document_in_a_turn_of_that_document() -> None:
    live = Live(lambda doc: doc.add_root(Div(text="a")))

    async def change(doc: Any) -> str:
        doc.roots[0].text = "from outside"
        return "done"

    async def outside() -> str:
        waiting = asyncio.ensure_future(context_of(live).with_locked_document(change))
        await asyncio.sleep(0)
        await asyncio.to_thread(live.settle)
        result: str = await waiting
        return result

    assert asyncio.run(outside()) == "done"
    assert live.value_of(live.doc.roots[0], "text") == "from outside"


def test_a_session_is_changed_by_the_name_that_bokehs_own_sessions_have_for_it() -> None:
    live = Live(lambda doc: doc.add_root(Div(text="before")))

    def change(doc: Any, text: str) -> str:
        assert curdoc() is doc
        doc.roots[0].text = text
        return "done"

    async def outside() -> str:
        (context,) = context_of(live).server_context.sessions
        waiting = asyncio.ensure_future(context.with_document_locked(change, live.doc, text="after"))
        await asyncio.sleep(0)
        await asyncio.to_thread(live.settle)
        found: str = await waiting
        return found

    assert asyncio.run(outside()) == "done"
    assert live.doc.roots[0].text == "after"


def test_a_session_that_locks_its_own_document_does_not_wait_for_itself() -> None:
    live = Live(lambda doc: doc.add_root(Div(text="a")))

    async def change(doc: Any) -> None:
        doc.roots[0].text = "mine"

    async def callback() -> None:
        await context_of(live).with_locked_document(change)

    live.doc.add_next_tick_callback(callback)
    live.settle()
    assert live.value_of(live.doc.roots[0], "text") == "mine"


def test_who_waits_for_a_session_that_ends_is_told() -> None:
    live = Live(lambda doc: None)
    context = context_of(live)

    async def never(doc: Any) -> None:
        raise AssertionError

    async def outside() -> None:
        waiting = asyncio.ensure_future(context.with_locked_document(never))
        await asyncio.sleep(0)
        live.document.destroy()
        with pytest.raises(SessionEnded):
            await waiting
        with pytest.raises(SessionEnded):
            await context.with_locked_document(never)

    asyncio.run(outside())


def test_who_comes_to_wait_while_a_session_ends_is_told() -> None:
    live = Live(lambda doc: None)
    context = context_of(live)

    async def never(doc: Any) -> None:
        raise AssertionError

    class EndsMeanwhile:
        """The document is asked for on one thread, and ends on another."""

        def __init__(self, lock: Any) -> None:
            self._lock = lock

        def __enter__(self) -> None:
            context._lock = self._lock
            live.document.destroy()
            self._lock.acquire()

        def __exit__(self, *_: object) -> None:
            self._lock.release()

    async def outside() -> None:
        context._lock = EndsMeanwhile(context._lock)  # type: ignore[assignment]
        with pytest.raises(SessionEnded):
            await asyncio.wait_for(context.with_locked_document(never), 5)

    asyncio.run(outside())


def test_who_waits_for_something_that_is_cancelled_is_told() -> None:
    live = Live(lambda doc: None)

    async def cancelled(doc: Any) -> None:
        raise asyncio.CancelledError

    async def outside() -> None:
        waiting = asyncio.ensure_future(context_of(live).with_locked_document(cancelled))
        await asyncio.sleep(0)
        with pytest.raises(asyncio.CancelledError):
            await asyncio.to_thread(live.settle)
        with pytest.raises(asyncio.CancelledError):
            await asyncio.wait_for(waiting, 5)

    asyncio.run(outside())


def test_nobody_is_left_waiting_if_the_session_takes_no_more_turns() -> None:
    live = Live(lambda doc: None)
    context = context_of(live)

    def full(turn: Any) -> None:
        raise MailboxFull("mailbox_limit", 1)

    async def never(doc: Any) -> None:
        raise AssertionError

    live.host.post = full  # type: ignore[method-assign]
    with pytest.raises(MailboxFull):
        asyncio.run(context.with_locked_document(never))
    assert context._waiting == set()


def test_hooks_for_the_end_run_once_and_then_the_session_is_destroyed() -> None:
    ended: list[Any] = []

    async def later(context: Any) -> None:
        ended.append(("async", context.destroyed))

    def app(doc: Any) -> None:
        doc.on_session_destroyed(lambda context: ended.append((context.id, context.destroyed)))
        doc.on_session_destroyed(later)

    live = Live(app)
    context = context_of(live)
    live.turn(live.document.end)
    assert sorted(ended) == [("async", False), ("session", False)]
    live.document.destroy()
    assert context.destroyed
    with pytest.raises(RuntimeError, match="has ended"):
        _ = context.document


def test_nothing_of_a_document_is_left_when_it_is_destroyed() -> None:
    from bokeh.models import Slider

    class Witness:
        pass

    witness = Witness()
    reference = weakref.ref(witness)

    def app(doc: Any, witness: Any = witness) -> None:
        slider = Slider(start=0, end=1, value=0)
        slider.on_change("value", lambda attr, old, new: print(witness))  # noqa: T201
        doc.add_root(slider)
        doc.add_periodic_callback(lambda: witness, 100)

    live: Any = Live(app)
    document = weakref.ref(live.doc)
    live.document.destroy()
    live = app = witness = None  # type: ignore[assignment]
    gc.collect()
    assert document() is None
    assert reference() is None
