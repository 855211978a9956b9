"""What every adapter promises, on every server: the same scenarios, word for word."""

from __future__ import annotations

import ast
import gzip
import hashlib
import json
import time
import urllib.error
import urllib.request
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from urllib.parse import urljoin

import numpy as np
import pytest
from websockets.exceptions import InvalidStatus

from embedsync import wire
from embedsync.document import Buffer
from tests.contract.apps import NUMBERS
from tests.contract.client import Attached, Client, change, elements_of, origin_of, press
from tests.contract.servers import Site
from tests.support.memory import wait_until


@pytest.mark.parametrize("app", ["echo", "asynchronous"])
def test_an_edit_is_answered_and_its_callback_changes_the_document(site: Site, app: str) -> None:
    client, attached = Client.visit(site.page(app))
    with client:
        result = client.result(attached, client.set(attached, "amount", "value", 7))
        assert result.commit
        assert result.own
        client.wait_for_value(attached, "report", "value", "amount is 7")


def test_two_visitors_do_not_see_each_others_state(site: Site) -> None:
    first, its = Client.visit(site.page("echo"))
    second, other = Client.visit(site.page("echo"))
    with first, second:
        first.set(its, "amount", "value", 7)
        second.set(other, "amount", "value", 8)
        first.wait_for_value(its, "report", "value", "amount is 7")
        second.wait_for_value(other, "report", "value", "amount is 8")
        assert its.opened is not None
        assert other.opened is not None
        assert its.opened.session != other.opened.session


def test_a_document_that_was_built_ahead_knows_its_visitor_when_it_looks(site: Site) -> None:
    first, its = Client.visit(site.page("ahead", symbol="A"))
    with first:
        # Where a server builds ahead from its start on, that may be under way when the first visitor comes.
        own = built = int(first.value(its, "report", "value").split()[1])
        for number in range(1, 600):
            first.result(its, first.set(its, "amount", "value", number))
            expected = f"{number}: "
            first.wait(lambda wanted=expected: first.value(its, "report", "value").startswith(wanted))
            built = int(first.value(its, "report", "value").split()[1])
            if built == 2:
                break
            time.sleep(0.05)  # The next one is built when the server has nothing else to do.
    assert (own, built) in ((1, 2), (2, 2)), site.log.read_text()[-2000:]
    second, its = Client.visit(site.page("ahead", symbol="B"), Cookie="user=ada")
    with second:
        assert second.value(its, "report", "value") == f"document {3 - own}"
        second.set(its, "amount", "value", 7)
        second.wait(lambda: second.value(its, "report", "value").endswith(" built, 'ada', B"))


def test_two_apps_share_one_socket(site: Site) -> None:
    client, echo = Client.visit(site.page("echo"))
    with client:
        ticking = client.open(elements_of(site.page("ticking"))[0].ticket)
        client.set(echo, "amount", "value", 3)
        client.wait_for_value(echo, "report", "value", "amount is 3")
        client.wait(lambda: int(client.value(ticking, "report", "value")) >= 2)


def test_viewers_of_a_shared_session_see_each_others_changes_and_models_added_later(site: Site) -> None:
    room = "of-this-test"
    first, its = Client.visit(site.page("shared", room=room))
    second, other = Client.visit(site.page("shared", room=room))
    with first, second:
        first.edit(its, press(its.model("add")["id"]))
        first.wait(lambda: its.ops)
        second.wait(lambda: other.ops)
        assert bytes(its.ops[0].events[0]) == bytes(other.ops[0].events[0]), "encoded once"
        note = json.loads(bytes(its.ops[0].events[0]))["new"][0]
        assert note["type"] == "object"
        second.edit(other, change(note["id"], "value", "written by the second"))
        first.wait(lambda: len(its.ops) >= 2)
        event = json.loads(bytes(its.ops[1].events[0]))
        assert (event["model"]["id"], event["new"]) == (note["id"], "written by the second")


def test_many_viewers_get_an_edit_and_what_its_callback_makes_of_it_as_one(site: Site) -> None:
    page = site.page("shared", room="of-many")
    with ExitStack() as stack:
        visits = [Client.visit(page) for _ in range(10)]
        viewers = [(stack.enter_context(client), attached) for client, attached in visits]
        author, its = viewers[0]
        author.edit(its, press(its.model("add")["id"]))
        author.wait(lambda: its.ops)
        note = json.loads(bytes(its.ops[0].events[0]))["new"][0]["id"]
        for number, (client, attached) in enumerate(viewers):
            client.wait(partial(has_come_to, attached, its.seq))
            assert client.result(
                attached, client.edit(attached, change(note, "value", f"say {number}"))
            ).commit
            author.wait_for_value(its, "add", "label", f"add another after 'say {number}'")
        for client, attached in viewers:
            client.wait_for_value(attached, "add", "label", "add another after 'say 9'")
        assert {attached.seq for _, attached in viewers} == {its.seq}
        together = [op for _, attached in viewers for op in attached.ops if len(op.events) == 2]
        assert together, "no edit went out together with what its callback made of it"


def has_come_to(attached: Attached, seq: int) -> bool:
    return attached.seq >= seq


def test_changes_larger_than_what_may_wait_reach_all_however_fast_they_are_asked_for(site: Site) -> None:
    first, its = Client.visit(site.page("heavy", room="of-all"))
    second, other = Client.visit(site.page("heavy", room="of-all"))
    with first, second:
        for value in range(1, 41):
            number = first.set(its, "amount", "value", value)
            if value % 4 == 0:
                first.result(its, number)
        for client, attached in ((first, its), (second, other)):
            client.wait(partial(holds, attached, 40.0))
            assert client.closed_with(attached) is None


def holds(attached: Attached, value: float) -> bool:
    """Whether the last column that came is full of this."""
    return (
        next((data[-8:] for data in reversed(attached.buffers.values())), b"") == np.float64(value).tobytes()
    )


def test_a_million_numbers_arrive_bit_identical_both_ways(site: Site) -> None:
    client, attached = Client.visit(site.page("big"))
    with client:
        [data] = [each for each in attached.buffers.values() if len(each) == NUMBERS.nbytes]
        assert data == NUMBERS.tobytes()
        back = NUMBERS[::-1].copy()
        array = {
            "type": "ndarray",
            "array": {"type": "bytes", "data": {"id": "mine.1"}},
            "shape": [len(back)],
            "dtype": "float64",
            "order": "little",
        }
        event = change(attached.model("source")["id"], "data", {"type": "map", "entries": [["x", array]]})
        result = client.result(
            attached, client.edit(attached, event, buffers=[Buffer("mine.1", back.tobytes())])
        )
        assert result.commit, result.code
        digest = hashlib.sha256(back.astype(np.float64).tobytes()).hexdigest()
        client.wait_for_value(attached, "report", "value", digest)


def test_a_browser_changes_what_it_is_shown_to_change_and_nothing_else(
    site: Site,
) -> None:
    client, attached = Client.visit(site.page("shared", room="what it is shown"))
    with client:
        forbidden = change(attached.model("add")["id"], "label", "<script>")
        result = client.result(attached, client.edit(attached, forbidden))
        assert (result.commit, result.code) == (False, wire.Refusal.FORBIDDEN)


def test_a_dropped_socket_resumes_from_the_log(site: Site) -> None:
    client, attached = Client.visit(site.page("ticking"))
    client.wait(lambda: len(attached.ops) >= 2)
    client.cut()
    with Client(client.endpoint) as again:
        resumed = again.resume(attached)
        assert resumed.opened is not None
        assert attached.opened is not None
        assert resumed.opened.recovered
        assert resumed.opened.session == attached.opened.session
        assert resumed.opened.secret != attached.opened.secret, "secrets rotate"
        again.wait(lambda: len(resumed.ops) >= 2)
        assert not any(isinstance(each, wire.SnapshotFrame) for each in resumed.frames)


def test_an_edit_sent_again_after_a_reconnect_counts_once(site: Site) -> None:
    client, attached = Client.visit(site.page("shared", room="counts once"))
    click = press(attached.model("add")["id"])
    client.edit(attached, click)
    client.wait(lambda: attached.ops)
    client.cut()
    with Client(client.endpoint) as again:
        resumed = again.resume(attached)
        resumed.cseq = 0
        again.edit(resumed, click)  # the same number as before
        again.result(resumed, 1)
        again.result(resumed, again.edit(resumed, click))
        again.wait(lambda: resumed.ops)
        children = json.loads(bytes(resumed.ops[-1].events[0]))["new"]
        assert len(children) == 2, "one for each number"


def test_a_callback_that_sleeps_delays_neither_other_sessions_nor_heartbeats(
    site: Site, tmp_path: Path
) -> None:
    gate = tmp_path / "gate"
    busy, sleeping = Client.visit(site.page("slow", gate=gate))
    free, attached = Client.visit(site.page("echo"))
    with busy, free, ExitStack() as stack:
        stack.callback(gate.touch)
        click = press(sleeping.model("go")["id"])
        busy.edit(sleeping, click)
        busy.wait_for_value(sleeping, "report", "value", "working")
        busy.wait(lambda: any(each.busy for each in notices(sleeping)))
        for value in range(2, 12):
            free.set(attached, "amount", "value", value)
            free.wait_for_value(attached, "report", "value", f"amount is {value}")
        before = busy.pings
        busy.wait(lambda: busy.pings >= before + 2)
        again, other = Client.visit(site.page("slow", gate=gate))
        again.close()
        assert other.document, "a new session of the same app begins meanwhile"
        assert busy.value(sleeping, "report", "value") == "working", "it still sleeps"
        assert {each.kind for each in notices(sleeping)} == {wire.NoticeKind.BUSY}, "it has not failed"


def notices(attached: Attached) -> list[wire.Notice]:
    return [each for each in attached.frames if isinstance(each, wire.Notice)]


def test_a_refused_value_changes_nothing_and_the_true_one_comes_back(site: Site) -> None:
    client, attached = Client.visit(site.page("echo"))
    with client:
        result = client.result(attached, client.set(attached, "amount", "value", "not a number"))
        assert not result.commit
        assert result.code == wire.Refusal.BAD_VALUE
        [value] = [json.loads(bytes(each)) for each in result.values]
        assert value["new"] == 1
        result = client.result(attached, client.set(attached, "amount", "value", 5))
        assert result.commit


def test_a_callback_that_raises_commits_and_tells_only_an_error_id(site: Site) -> None:
    client, attached = Client.visit(site.page("raising"))
    with client:
        result = client.result(attached, client.set(attached, "amount", "value", 5))
        assert result.commit
        client.wait_for_value(attached, "report", "value", "amount is 5")
        notice = client.wait(
            lambda: next((each for each in notices(attached) if each.kind is wire.NoticeKind.ERROR), None)
        )
        wait_until(lambda: notice.error in site.log.read_text())  # A thread of its own writes there.
        assert "the secret of the callback" not in repr(attached.frames)


def test_an_app_that_raises_while_it_is_built_says_so_and_the_next_try_works(site: Site) -> None:
    client, attached = Client.visit(site.page("failing"))
    with client:
        assert client.closed_with(attached) == wire.Close.BUILD_FAILED
        closed = next(each for each in attached.frames if isinstance(each, wire.Closed))
        assert closed.detail == "", "no traceback outside of debug mode"
        wait_until(lambda: closed.error in site.log.read_text())
        again = client.open(elements_of(site.page("failing"))[0].ticket)
        assert client.value(again, "report", "value") == "built"


def test_arguments_user_and_cookies_reach_the_app(site: Site) -> None:
    headers = {"Cookie": "user=ada; colour=blue"}
    element = elements_of(site.page("visitor", symbol="AAPL", n=[1, 2]), headers)[0]
    with Client(element.endpoint, **headers) as client:
        attached = client.open(element.ticket)
        user, arguments, colour = ast.literal_eval(client.value(attached, "report", "value"))
        assert arguments == {"symbol": ["AAPL"], "n": ["1", "2"]}
        assert colour == "blue"
        assert user == "ada"


def test_a_ticket_of_another_user_is_refused(site: Site) -> None:
    element = elements_of(site.page("visitor"), {"Cookie": "user=ada"})[0]
    with Client(element.endpoint, Cookie="user=eve") as client:
        attached = client.open(element.ticket)
        assert client.closed_with(attached) == wire.Close.TICKET_EXPIRED
    answer = _renew(element.endpoint, element.ticket, "user=eve")
    assert answer == 403
    assert _renew(element.endpoint, element.ticket, "user=ada") == 200


def _renew(endpoint: str, ticket: str, cookie: str) -> int:
    body = json.dumps({"ticket": ticket}).encode()
    headers = {"Cookie": cookie, "Content-Type": "application/json", "Origin": origin_of(endpoint)}
    request = urllib.request.Request(urljoin(endpoint, "ticket"), body, headers)
    try:
        with urllib.request.urlopen(request) as response:
            return int(response.status)
    except urllib.error.HTTPError as error:
        error.close()
        return error.code


def test_an_altered_ticket_is_refused(site: Site) -> None:
    element = elements_of(site.page("echo"))[0]
    with Client(element.endpoint) as client:
        attached = client.open("A" + element.ticket[1:])
        assert client.closed_with(attached) == wire.Close.FORBIDDEN


def test_a_page_of_a_foreign_origin_is_refused_before_the_socket_opens(site: Site) -> None:
    element = elements_of(site.page("echo"))[0]
    with pytest.raises(InvalidStatus) as refused:
        Client(element.endpoint, Origin="https://evil.example")
    assert refused.value.response.status_code == 403
    own = site.url
    with Client(element.endpoint, Origin=own) as client:
        assert client.open(element.ticket).document


@pytest.mark.parametrize(
    ("message", "code"),
    [
        ("a text message", wire.Close.BAD_MESSAGE),
        (b"\x01", wire.Close.BAD_MESSAGE),
        (b"\x01\0\0\0\xff\xff\xff\xff{}", wire.Close.BAD_MESSAGE),
        (wire.frame(1, wire.encode_payload(wire.Open(protocol=99, ticket="x"))), wire.Close.RELOAD),
        (b"\0" * 40_000, wire.Close.TOO_BIG),
    ],
    ids=["text", "short", "header beyond end", "other version", "too big before open"],
)
def test_a_bad_message_closes_the_socket_with_its_code(site: Site, message: bytes | str, code: int) -> None:
    client, _ = Client.visit(site.page("echo"))
    endpoint = client.endpoint
    client.close()
    client = Client(endpoint)
    client.socket.send(message)
    assert client.wait_closed() == code


def test_files_are_compressed_and_immutable(site: Site) -> None:
    client, attached = Client.visit(site.page("echo"))
    client.close()
    assert attached.opened is not None
    for url in attached.opened.scripts:
        # Where the site serves static files itself, ours are at the endpoint as well.
        path = url.removeprefix("/static/embedsync/")
        request = urllib.request.Request(urljoin(client.endpoint, path), headers={"Accept-Encoding": "gzip"})
        with urllib.request.urlopen(request) as response:
            assert response.headers["Content-Encoding"] == "gzip"
            assert "immutable" in response.headers["Cache-Control"]
            assert response.headers["Content-Type"].startswith("text/javascript")
            assert b"Bokeh" in gzip.decompress(response.read())
    assert any("bokeh-widgets" in each for each in attached.opened.scripts)
    assert not any("tables" in each or "mathjax" in each for each in attached.opened.scripts)


def test_an_unknown_file_is_not_found(site: Site) -> None:
    endpoint = elements_of(site.page("echo"))[0].endpoint
    for path in ("static/x/embed.js", "bokeh/x/bokeh.min.js", "static/../../hub.py", "nothing"):
        with pytest.raises(urllib.error.HTTPError) as refused:
            urllib.request.urlopen(urljoin(endpoint, path))
        assert refused.value.code == 404
        refused.value.close()
