"""Clients that mean no good, or do not know better."""

from __future__ import annotations

import contextlib
import json
import re
import threading
import urllib.request
from typing import Any

import pytest
from bokeh.util.token import generate_jwt_token
from websockets.exceptions import ConnectionClosed, InvalidStatus

from embedsync import wire
from embedsync.stock.tokens import Tokens
from tests.asgi.server import until
from tests.stock.conftest import KEY, Site, serving
from tests.stock.talk import Stock, model_named


def opened(site: Site) -> Stock:
    return Stock(site.socket()).greeted()


def refused(url: str, token: str | None = None, **headers: str) -> int:
    with pytest.raises(InvalidStatus) as error:
        Stock(url, token, **headers)
    return error.value.response.status_code


@pytest.mark.parametrize("token", ["forged", "a.b", "x" * 3_000])
def test_what_is_no_token_opens_nothing(site: Site, token: str) -> None:
    assert refused(site.socket(), token) == 403
    assert site.hub.sessions == []


def test_a_token_that_nobody_signed_opens_nothing_where_sessions_are_signed(signing: Site) -> None:
    assert refused(signing.socket()) == 403
    assert refused(signing.socket(), generate_jwt_token("x", b"another key", signed=True)) == 403
    assert signing.hub.sessions == []


def test_a_token_that_nobody_signed_opens_no_app_that_is_closed_to_script_tags(site: Site) -> None:
    assert refused(site.socket("private")) == 403


def test_a_token_of_another_user_opens_nothing(site: Site) -> None:
    assert refused(site.socket(), site.hub.tokens.make("x", "amounts", {}, "somebody")) == 403


def test_s09_a_token_that_one_app_gives_to_strangers_opens_no_other_app(site: Site) -> None:
    with urllib.request.urlopen(f"{site.app()}/autoload.js?bokeh-autoload-element=x&account=7") as response:
        token = re.search(r"[\w-]{60,}\.[\w-]{43}", response.read().decode())
    assert token is not None
    assert site.hub.tokens.read(token[0]).arguments == {"account": ["7"]}
    assert refused(site.socket("private"), token[0]) == 403
    assert refused(site.socket("guarded"), token[0]) == 403
    assert site.hub.sessions == []
    with Stock(site.socket(), token[0]) as own:
        own.pull()


@pytest.mark.parametrize("app", ["amounts", "shared"])
def test_an_old_token_opens_no_session_but_comes_back_to_one_that_lives(site: Site, app: str) -> None:
    old = Tokens([KEY], max_age=1, now=lambda: 1_000.0).make("old", app, {}, "")
    assert refused(site.socket(app), old) == 403
    with Stock(site.socket(app), site.hub.tokens.make("old", app, {}, "")) as first:
        first.pull()
        with Stock(site.socket(app), old) as again:
            again.pull()
        assert len(site.hub.sessions) == 1


def test_a_page_of_another_origin_is_refused(site: Site) -> None:
    assert refused(site.socket(), Origin="https://elsewhere.example") == 403
    assert site.hub.counters.read()["origins_refused"] == 1


def test_an_app_that_is_not_there_has_no_socket(site: Site) -> None:
    assert refused(site.socket("nothing")) in (403, 404)


def test_more_buffers_than_are_taken_close_the_socket_before_they_come(site: Site) -> None:
    with opened(site) as client:
        client.socket.send('{"msgid":"a","msgtype":"PATCH-DOC","num_buffers":1000000000}')
        assert client.close_code() == wire.Close.TOO_BIG


def test_buffers_that_nothing_refers_to_change_nothing(site: Site) -> None:
    with opened(site) as client:
        words = model_named(client.pull(), "words")
        event = {"kind": "ModelChanged", "model": {"id": words}, "attr": "value", "new": "x"}
        question = client.send("PATCH-DOC", {"events": [event]}, [bytes(10)])
        answer = client.wait_for("ERROR")
        assert (answer.answers, answer.content["traceback"]) == (question, None)
        put_back = client.wait_for("PATCH-DOC")
        assert put_back.content["events"][0]["new"] == ""


@pytest.mark.parametrize(
    "message",
    [
        "{",
        "[]",
        "null",
        '{"events":{}}',
        '{"events":[1]}',
        "{}",
        "[" * 5_000,
        '{"events":' + "[" * 90 + "]" * 90 + "}",
    ],
)
def test_a_malformed_or_deep_patch_closes_the_socket(site: Site, message: str) -> None:
    with opened(site) as client:
        client.socket.send('{"msgid":"a","msgtype":"PATCH-DOC"}')
        client.socket.send("{}")
        client.socket.send(message)
        assert client.close_code() == wire.Close.BAD_MESSAGE


@pytest.mark.parametrize("document", [None, 5, {}, {"roots": 1}, {"roots": [1]}])
def test_a_malformed_document_closes_the_socket_and_replaces_nothing(site: Site, document: Any) -> None:
    with opened(site) as client:
        client.send("PUSH-DOC", {"doc": document})
        assert client.close_code() == wire.Close.BAD_MESSAGE
    with Stock(site.socket()) as again:
        assert model_named(again.pull(), "amount")


def test_a_document_with_a_class_that_is_not_there_is_refused_and_replaces_nothing(site: Site) -> None:
    with opened(site) as client:
        root = {"type": "object", "name": "Nonsense", "id": "n1", "attributes": {}}
        client.send("PUSH-DOC", {"doc": {"roots": [root], "title": "x"}})
        assert "unknown-model" in client.wait_for("ERROR").content["text"]
        document = client.pull()
    assert model_named(document, "amount")
    assert document["title"] == "Amounts"


def test_a_message_of_another_kind_closes_the_socket(site: Site) -> None:
    with opened(site) as client:
        client.send("ACK")
        assert client.close_code() == wire.Close.BAD_MESSAGE


def test_a_bad_value_is_refused_whole_with_an_error_and_the_true_value(site: Site) -> None:
    with opened(site) as client:
        document = client.pull()
        words, amount = model_named(document, "words"), model_named(document, "amount")
        client.send(
            "PATCH-DOC",
            {
                "events": [
                    {"kind": "ModelChanged", "model": {"id": words}, "attr": "value", "new": "good"},
                    {"kind": "ModelChanged", "model": {"id": amount}, "attr": "value", "new": "bad"},
                ]
            },
        )
        assert client.wait_for("ERROR").content["text"].endswith("bad-value")
        told = {each["model"]["id"]: each["new"] for each in client.wait_for("PATCH-DOC").content["events"]}
        assert told == {words: "", amount: 1}


def test_a_client_that_asks_for_nothing_is_sent_away() -> None:
    with serving(handshake_timeout=1.0) as site, opened(site) as client:
        assert client.close_code() == wire.Close.HANDSHAKE_TIMEOUT


def test_a_message_that_does_not_end_is_not_waited_for() -> None:
    with serving(send_timeout=1.0, heartbeat=0.1) as site, opened(site) as client:
        client.pull()
        client.socket.send('{"msgid":"a","msgtype":"PATCH-DOC"}')
        assert client.close_code() == wire.Close.HEARTBEAT_LOST


def test_the_document_is_not_given_again_and_again_to_a_client_that_does_not_wait() -> None:
    with serving(stock_requests=4) as site, opened(site) as client:
        with contextlib.suppress(ConnectionClosed):  # Perhaps before all were asked.
            for _ in range(200):
                client.send("PULL-DOC-REQ")
        assert client.close_code() == wire.Close.TOO_MANY_EDITS


def test_more_edits_than_may_wait_close_the_socket() -> None:
    with serving(stock_unanswered_edits=5) as site, opened(site) as client:
        words = model_named(client.pull(), "words")
        entered, released = threading.Event(), threading.Event()

        def block(_: object) -> None:
            entered.set()
            assert released.wait(60)

        site.hub.update_sessions("amounts", block)
        assert entered.wait(20)
        try:
            with contextlib.suppress(ConnectionClosed):  # It may be before the last of them.
                for number in range(10):
                    client.write(words, "value", str(number))
            assert client.close_code() == wire.Close.TOO_MANY_EDITS
        finally:
            released.set()


def test_a_client_that_reads_nothing_is_cut_and_its_session_goes_on() -> None:
    with serving(send_timeout=1.0) as site, opened(site) as idle, opened(site) as writer:
        idle.pull()
        words = model_named(writer.pull(), "words")
        # What operating systems buffer is taken from the server, so one write is not enough.
        for number in range(100):
            writer.write(words, "value", f"{number} " * 200_000)
            writer.wait_for("OK")
            if site.hub.status()["sockets"] < 2:
                break
        until(lambda: site.hub.status()["sockets"] == 1)
        writer.write(words, "value", "still here")
        assert writer.wait_for("OK")


def test_what_is_not_text_in_a_header_of_a_buffer_closes_the_socket(site: Site) -> None:
    with opened(site) as client:
        client.socket.send(json.dumps({"msgid": "a", "msgtype": "PATCH-DOC", "num_buffers": 1}))
        client.socket.send("{}")
        client.socket.send('{"events":[]}')
        client.socket.send(b"no name")
        assert client.close_code() == wire.Close.BAD_MESSAGE
