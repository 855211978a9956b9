"""S34: what the audit log says, and S29: that nobody can make it say more, or something else."""

from __future__ import annotations

import gc
import json
import logging
from collections.abc import Iterator
from typing import Any

import pytest
from bokeh.models import Slider

from embedsync import wire
from embedsync.audit import FIELDS, Audit, Event, Reason
from embedsync.hub import Hub
from embedsync.request import Request
from embedsync.routes import Routes
from embedsync.settings import Settings
from tests.support.clock import Clock
from tests.support.memory import MemoryBrowser, ToyRecipe, change, wait_until

USER = "ada@example.org"
EVE = "eve@example.org"
COOKIE = "the-cookie-of-ada"
VALUE = "the-value-that-ada-typed"


@pytest.fixture
def lines(caplog: pytest.LogCaptureFixture) -> Lines:
    caplog.set_level(logging.DEBUG, "embedsync")
    return Lines(caplog)


class Lines:
    """What the audit log has said so far."""

    def __init__(self, caplog: pytest.LogCaptureFixture) -> None:
        self._caplog = caplog

    @property
    def texts(self) -> list[str]:
        return [each.getMessage() for each in self._caplog.records if each.name == "embedsync.audit"]

    @property
    def all(self) -> list[dict[str, Any]]:
        return [json.loads(each) for each in self.texts]

    def of(self, event: Event) -> list[dict[str, Any]]:
        return [each for each in self.all if each["event"] == event]

    def reasons(self, event: Event) -> list[str]:
        return [each["reason"] for each in self.of(event)]

    @property
    def warnings(self) -> list[str]:
        return [each.getMessage() for each in self._caplog.records if each.levelno >= logging.WARNING]


@pytest.fixture
def hub() -> Iterator[Hub]:
    made = Hub("key", Settings(unanswered_edits=2, message_bytes=100_000))
    made.add_app("toy", ToyRecipe(), permission=lambda request: request.user_key != "banned")
    made.add_app("slider", lambda doc: doc.add_root(Slider(name="amount", start=0, end=1, value=0)))
    yield made
    made.stop()


def visitor(hub: Hub, user_key: str = USER, **request: Any) -> MemoryBrowser:
    known = {"remote_address": "192.0.2.7", "cookies": {"session": COOKIE}}
    return MemoryBrowser(hub, user_key=user_key, **known, **request)


def visit_everywhere(hub: Hub) -> list[str]:
    """Make everything happen that has a line. Returns what must stand in none of them."""
    ticket = hub.ticket("toy", user_key=USER)
    browser = visitor(hub).open(ticket)
    opened = browser.wait_for(wire.Opened)
    browser.edit(1, change("value", 1), change("value", VALUE, node="nowhere"))
    browser.wait_for(wire.Result)
    visitor(hub).resume(opened).wait_for(wire.Opened)
    stranger = visitor(hub, EVE).resume(opened)
    stranger.wait_for(wire.Closed)
    thief = visitor(hub, EVE).resume(opened_with(opened, secret="guessed"))
    thief.wait_for(wire.Closed)
    lost = visitor(hub).resume(opened_with(opened, session="gone"))
    lost.wait_for(wire.Closed)
    visitor(hub, EVE).open(ticket).wait_for(wire.Closed)
    visitor(hub).open(ticket + "x").wait_for(wire.Closed)
    visitor(hub, "banned").open(hub.ticket("toy", user_key="banned")).wait_for(wire.Closed)
    hub.origin_allowed(Request(origin="http://evil.example", host="here.example"))
    Routes(hub).respond("POST", "ticket", Request(host="h"), json.dumps({"app": "none"}).encode())
    big = visitor(hub)
    big.endpoint.receive(b"x" * 50_000)
    big.endpoint.lost()
    broken = visitor(hub)
    broken.endpoint.receive(b"no frame: " + VALUE.encode())
    broken.endpoint.lost()
    hub.dismiss(lambda request: request.user_key == USER)
    return [USER, EVE, COOKIE, VALUE, ticket, opened.session, opened.secret, opened.client]


def opened_with(opened: wire.Opened, **changed: str) -> wire.Opened:
    values = {name: getattr(opened, name) for name in opened.__struct_fields__}
    return wire.Opened(**(values | changed))


def test_s34_each_event_has_a_line_and_each_line_the_same_fields(hub: Hub, lines: Lines) -> None:
    visit_everywhere(hub)
    wait_until(lambda: {each["event"] for each in lines.all} == set(Event))
    for each in lines.all:
        assert tuple(each) == FIELDS
        assert all(isinstance(value, int if name == "left_out" else str) for name, value in each.items())
    known = {*Reason, *wire.Refusal, *(name for name in Settings.__dataclass_fields__), ""}
    assert {each["reason"] for each in lines.all} <= known
    assert set(lines.reasons(Event.REFUSE)) == set(Reason) - {Reason.TICKET_EXPIRED, Reason.LOGGED_OUT}
    assert lines.reasons(Event.LIMIT) == ["opening_message_bytes"]
    assert set(lines.reasons(Event.REVOKE)) == {"logged_out"}


def test_s34_no_line_holds_a_payload_a_ticket_a_cookie_a_secret_or_an_id_in_the_clear(
    hub: Hub, lines: Lines
) -> None:
    secrets = visit_everywhere(hub)
    wait_until(lambda: {each["event"] for each in lines.all} == set(Event))
    for line in lines.texts:
        assert not [each for each in secrets if each in line]


def test_s34_a_page_that_asks_for_a_ticket_after_a_logout_is_no_forgery(hub: Hub, lines: Lines) -> None:
    shown = json.dumps({"ticket": hub.ticket("toy", user_key=USER)}).encode()
    assert Routes(hub).respond("POST", "ticket", Request(host="h"), shown).status == 403
    assert lines.reasons(Event.REFUSE) == ["other_user"]


def test_s34_lines_of_one_visitor_belong_together(hub: Hub, lines: Lines) -> None:
    browser = visitor(hub).open(hub.ticket("toy", user_key=USER))
    session = browser.wait_for(wire.Opened).session
    wait_until(lambda: lines.of(Event.OPEN))
    connect, opened = lines.all
    assert connect["socket"] == opened["socket"] != ""
    assert connect["user"] == opened["user"] == hub.audit.hashed(USER)
    assert opened["session"] == hub.audit.hashed(session)
    assert (opened["app"], opened["address"]) == ("toy", "192.0.2.7")


def test_s34_a_user_has_the_same_hash_in_each_process_of_a_site_and_another_on_another_site() -> None:
    hubs = [Hub("key"), Hub(["old", "key"]), Hub("another")]
    one, same, other = (each.audit.hashed(USER) for each in hubs)
    assert one == same != other
    assert USER not in one
    assert hubs[0].audit.hashed("") == ""


def test_s34_a_denied_write_names_the_property_and_not_the_value(hub: Hub, lines: Lines) -> None:
    browser = visitor(hub).open(hub.ticket("slider", user_key=USER))
    document = json.loads(bytes(browser.wait_for(wire.SnapshotFrame).document))
    model = document["roots"][0]["id"]
    browser.edit(1, {"kind": "ModelChanged", "model": {"id": model}, "attr": "title", "new": VALUE})
    browser.wait_for(wire.Result)
    wait_until(lambda: lines.of(Event.DENY))
    (line,) = lines.of(Event.DENY)
    assert (line["reason"], line["detail"], line["app"]) == ("forbidden", "Slider.title", "slider")


def test_s29_what_a_stranger_writes_stays_on_its_line_and_inside_its_string(hub: Hub, lines: Lines) -> None:
    origin = 'http://evil\r\n{"event": "open"}\x1b[2J\x7f\u202e' + "x" * 10_000
    hub.origin_allowed(Request(origin=origin, host="here", remote_address="1.2.3.4\n"))
    (text,) = lines.texts
    assert text.isascii()
    assert text.isprintable()
    assert len(text) < 1000
    (line,) = lines.all
    assert line["event"] == "refuse"
    assert line["detail"].startswith('http://evil\\r\\n{"event": "open"}\\x1b[2J')


def test_s29_of_one_socket_there_are_twenty_lines_and_then_one_a_second_and_the_rest_is_counted(
    lines: Lines,
) -> None:
    clock = Clock()
    hub = Hub("key", clock=clock)
    browser = MemoryBrowser(hub)
    for number in range(1, 501):
        frame = wire.Open(protocol=1, ticket="none")
        browser.endpoint.receive(wire.frame(number, wire.encode_payload(frame)))
    assert len(lines.all) == 20
    assert len(lines.warnings) == 20
    clock.now += 1
    browser.endpoint.receive(wire.frame(501, wire.encode_payload(wire.Open(protocol=1, ticket="none"))))
    assert len(lines.warnings) == 21
    assert lines.all[-1]["left_out"] == 481
    counts = hub.counters.read()
    assert counts["audit_lines_left_out"] == 481
    assert counts["warnings_left_out"] == 480
    hub.stop()


def test_s29_many_sockets_write_no_more_than_a_log_can_take_and_that_somebody_was_sent_away_always(
    lines: Lines,
) -> None:
    clock = Clock()
    left_out: list[str] = []
    audit = Audit("key", Settings(audit_lines=5.0), clock=clock, count=left_out.append)
    for _ in range(200):
        audit.write(Event.CONNECT, Request())
    assert len(lines.all) == 50
    assert len(left_out) == 150
    audit.write(Event.REVOKE, Request(), reason=Reason.LOGGED_OUT)
    assert lines.all[-1]["left_out"] == 150
    clock.now += 1
    for _ in range(10):
        audit.write(Event.CONNECT, Request())
    assert len(lines.all) == 50 + 1 + 5


def test_s34_an_audit_log_that_nobody_reads_costs_nothing(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.WARNING, "embedsync.audit")
    audit = Audit("key", Settings(audit_lines=0.1), clock=Clock(), count=lambda what: pytest.fail(what))
    for _ in range(100):
        audit.write(Event.CONNECT, Request())


def test_s34_a_socket_that_is_gone_leaves_nothing_in_the_audit(hub: Hub) -> None:
    for _ in range(3):
        browser = visitor(hub).open("no ticket")
        browser.wait_for(wire.Closed)
        browser.endpoint.lost()
        del browser

    def is_empty() -> bool:
        gc.collect()
        return not list(hub.audit._quotas)

    wait_until(is_empty)
