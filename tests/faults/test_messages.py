"""What strangers send: WebSocket frames, fragments, envelopes, buffers, depth: F26 to F30, F35."""

from __future__ import annotations

import contextlib
import json
import random
import struct
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from embedsync import wire
from embedsync.document import Buffer
from embedsync.hub import Hub
from embedsync.settings import Settings
from tests.contract.client import elements_of
from tests.faults.counts import count
from tests.faults.report import Figures
from tests.faults.sites import PATIENT, FaultSite, wait_until
from tests.support.memory import MemoryBrowser, ToyRecipe, change
from tests.support.raw import BINARY, CLOSE, PING, PONG, TEXT, RawSocket, encode_frame
from tests.support.replica import Replica, message
from tests.support.tickets import another

MIB = 1024 * 1024

ENDS: dict[str, bytes] = {
    **{f"reserved bits {n}": encode_frame(BINARY, b"x", reserved=n) for n in range(1, 8)},
    **{f"reserved bits {n} of a ping": encode_frame(PING, b"x", reserved=n) for n in (1, 4, 7)},
    **{f"opcode {n}": encode_frame(n, b"x") for n in (3, 4, 5, 6, 7, 11, 12, 13, 14, 15)},
    **{f"opcode {n} without payload": encode_frame(n) for n in (3, 7, 11, 15)},
    "a ping of 126 bytes": encode_frame(PING, b"x" * 126),
    "a pong of 126 bytes": encode_frame(PONG, b"x" * 126),
    "a close of 126 bytes": encode_frame(CLOSE, struct.pack(">H", 1000) + b"x" * 124),
    "a ping of 2 to the 62": encode_frame(PING, length=2**62),
    "a fragmented ping": encode_frame(PING, b"x", fin=False),
    "a fragmented close": encode_frame(CLOSE, struct.pack(">H", 1000), fin=False),
    "a text that is no UTF-8": encode_frame(TEXT, b"\xff\xfe"),
    "a text that ends in the middle of a character": encode_frame(TEXT, "ä".encode()[:1]),
    "a text with half of a surrogate pair": encode_frame(TEXT, b"\xed\xa0\x80"),
    "a text whose second part is no UTF-8": encode_frame(TEXT, b"x", fin=False) + encode_frame(0, b"\xff"),
    "a continuation of nothing": encode_frame(0, b"x"),
    "a continuation of nothing, not the last": encode_frame(0, b"x", fin=False),
    "a message inside a message": encode_frame(BINARY, b"x", fin=False) + encode_frame(BINARY, b"x"),
    "a text inside a message": encode_frame(BINARY, b"x", fin=False) + encode_frame(TEXT, b"x"),
    "a frame that is not masked": encode_frame(BINARY, b"x", masked=False),
    "a ping that is not masked": encode_frame(PING, b"x", masked=False),
    "a length of 2 to the 63": encode_frame(BINARY, length=2**63, form=64),
    "a length of all ones": encode_frame(BINARY, length=2**64 - 1, form=64),
    "a close with one byte": encode_frame(CLOSE, b"\x03"),
    "a close whose reason is no UTF-8": encode_frame(CLOSE, struct.pack(">H", 1000) + b"\xff"),
    "an empty close": encode_frame(CLOSE),
    **{
        f"a close with code {code}": encode_frame(CLOSE, struct.pack(">H", code))
        for code in (0, 999, 1000, 1004, 1005, 1006, 1012, 1016, 1100, 2000, 2999, 3000, 4999, 5000, 65535)
    },
    "HTTP in place of a frame": b"GET / HTTP/1.1\r\nHost: x\r\n\r\n",
    "a TLS greeting": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"\0" * 64,
    "zeros": b"\0" * 64,
    "ones": b"\xff" * 64,
}
"""Bytes after which a server must end the connection, by what is wrong with them."""

ENDURED: dict[str, bytes] = {
    "an empty ping": encode_frame(PING),
    "a ping of 125 bytes": encode_frame(PING, b"x" * 125),
    "a pong that nobody asked for": encode_frame(PONG, b"x"),
    "many pongs that nobody asked for": encode_frame(PONG, b"x") * 10_000,
    "a ping between the parts of a message": b"".join(
        [encode_frame(BINARY, b"\0\0", fin=False), encode_frame(PING, b"x"), encode_frame(0, b"", fin=False)]
    ),
}
"""Unusual, and right."""


def test_f26_what_is_no_websocket_frame_ends_its_connection_and_nothing_else(
    patient: FaultSite, figures: Figures
) -> None:
    """Cases in the manner of the Autobahn suite: reserved bits, opcodes, fragments, lengths, codes."""
    endpoint, log = _endpoint(patient), patient.log_size
    ended = {name: _ending_after(endpoint, data) for name, data in ENDS.items()}
    # Each by what it is, and not only because nothing right came in time.
    waited_for = [name for name, code in ended.items() if code == wire.Close.HANDSHAKE_TIMEOUT]
    assert not waited_for
    assert all(1000 <= code < 5000 for code in ended.values()), ended
    for name, data in ENDURED.items():
        with RawSocket(endpoint) as browser:
            browser.send(data + encode_frame(PING, b"still here?"))
            while (answer := browser.receive()) != (PONG, b"still here?"):
                assert answer[0] != CLOSE, name
    cases = len(ENDS) + len(ENDURED)
    figures("cases", cases)
    _check_alive(patient, log, cases, figures)


def _ending_after(endpoint: str, data: bytes) -> int:
    """The code with which the server ends a connection after these bytes."""
    with RawSocket(endpoint) as browser:
        try:
            browser.send(data)
            return browser.ending()
        except ConnectionError:
            return 1006


def test_f26_a_frame_that_announces_more_than_anybody_has_holds_nothing_but_its_own_connection(
    hasty: FaultSite, figures: Figures
) -> None:
    """A frame whose length is said to be 2 to the 62, and which never goes on; before and after the document
    was opened."""
    announced = encode_frame(BINARY, length=2**62, form=64)
    for opens in (False, True):
        with RawSocket(_endpoint(hasty)) as browser:
            if opens:
                _opened(browser, hasty)
            browser.send(announced + b"x" * 1000)
            code = browser.ending()
            figures("closed with, after it was opened" if opens else "closed with, before", str(code))


def test_f26_mutated_frames_leave_no_thread_no_traceback_and_no_flood_in_the_log(
    patient: FaultSite, figures: Figures
) -> None:
    """Frames of an honest browser with bytes flipped, cut, doubled and inserted by chance, before and after
    the document was opened; each connection until it ends or has nothing more to send."""
    dice, log = random.Random(26), patient.log_size
    [element] = elements_of(patient.page("brief"))
    frames, connections = 0, 0
    while frames < count(1_000, 25_000):
        connections += 1
        with contextlib.suppress(OSError, EOFError), RawSocket(element.endpoint, timeout=5) as browser:
            honest = _honest_frames(browser, another(element.ticket) if dice.random() < 0.5 else None)
            for _ in range(dice.randint(1, 30)):
                frames += 1
                browser.send(_mutated(dice.choice(honest), dice))
    figures("frames", frames)
    figures("connections", connections)
    _check_alive(patient, log, connections, figures)


def test_f27_very_many_tiny_fragments_cost_bounded_memory_and_time(
    hasty: FaultSite, figures: Figures
) -> None:
    """A message of 200,000 fragments of one byte each that never ends, on an opened document."""
    fragments = 200_000
    with RawSocket(_endpoint(hasty), timeout=60) as browser:
        _opened(browser, hasty)
        before = hasty.resources().memory
        started = time.monotonic()
        many = encode_frame(0, b"x", fin=False) * 1000
        with contextlib.suppress(OSError):
            browser.send(encode_frame(BINARY, b"x", fin=False))
            for _ in range(fragments // 1000):
                browser.send(many)
        with hasty.replica("tally").wait_shown() as replica:
            replica.result(replica.say("step", 1))
            answered = time.monotonic() - started
        code = browser.ending()
        cut = time.monotonic() - started
        memory = hasty.resources().memory - before
    figures("fragments", fragments)
    figures("memory", max(0, memory) / MIB, "MiB")
    figures("another session was answered after", answered, "s")
    figures("cut after", cut, "s")
    figures("with", str(code))
    assert memory < 64 * MIB


def test_f28_a_message_over_the_limit_is_told_with_a_code_that_makes_nobody_send_it_again(
    patient: FaultSite, figures: Figures
) -> None:
    """An edit of exactly the limit, and one that is a byte longer. The browser runtime knows the limit, and
    gives such an edit up itself, with the names of its properties (tests/javascript)."""
    limit = PATIENT["message_bytes"]
    with patient.replica("arrays").wait_shown() as replica:
        assert replica.opened.limits.message_bytes == limit
        replica.result(_edit_of(replica, limit))
        seq = replica.seq
        _edit_of(replica, limit + 1)
        replica.wait(lambda: replica.ended_with)
        assert replica.ended_with is not None
        assert wire.action_of(replica.ended_with) is wire.Action.STOP
        assert replica.connects == 1
        _check_unchanged(patient, replica.opened, seq)
        figures("limit", limit, "bytes")
        figures("a byte more is closed with", str(replica.ended_with))


def test_f28_a_message_far_over_the_limit_ends_its_connection_and_changes_nothing(
    patient: FaultSite, figures: Figures
) -> None:
    """An edit of eight times the limit. Who is still sending may be reset before reading the code."""
    codes = []
    with RawSocket(_endpoint(patient)) as browser:
        opened = _opened(browser, patient, "arrays")
        events = [message("draw", 1), message("long", "x" * (8 * PATIENT["message_bytes"]))]
        with contextlib.suppress(ConnectionError):
            browser.send_frame(wire.Edit(cseq=1, base=0, epoch=opened.epoch, events=events))
        codes.append(browser.ending())
    assert codes[0] in (1006, 1009, wire.Close.TOO_BIG)
    figures("closed with", str(codes[0]))
    _check_unchanged(patient, opened, opened.seq)
    assert patient.runs(opened.session, "draw") == []


def test_f28_an_op_that_is_larger_than_what_the_server_takes_reaches_the_browser_whole(
    patient: FaultSite, figures: Figures
) -> None:
    """The limit is for what browsers send: two ops of four times its size come."""
    with patient.replica("outsized").wait_shown() as replica:
        for number in (1, 2):
            replica.say("swell", number)
            replica.wait(lambda number=number: (replica.value("bulk", "text") or "").startswith(str(number)))
        size = len(replica.value("bulk", "text"))
        assert size > PATIENT["message_bytes"]
        assert replica.connects == 1
        replica.history.check_no_gap()
        replica.check_equal_to_the_servers()
        figures("op", size, "bytes")


def _edit_of(replica: Replica, size: int) -> int:
    """Send an edit whose message has exactly this size."""
    cseq = replica.cseq + 1
    empty = wire.Edit(cseq=cseq, base=replica.seq, epoch=replica.epoch, events=[message("long", "")])
    return replica.edit(message("long", "x" * (size - len(wire.frame(1, wire.encode_payload(empty))))))


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda below: st.lists(below, max_size=4) | st.dictionaries(st.text(max_size=8), below, max_size=4),
    max_leaves=8,
)
HONEST: list[dict[str, Any]] = [
    json.loads(wire.encode_payload(each)[8:])
    for each in (
        wire.Open(protocol=1, ticket="ticket"),
        wire.Open(protocol=1, resume=wire.Resume(session="s", client="c", secret="s", epoch="e", seq=1)),
        wire.Edit(cseq=1, base=0, epoch="e", events=[change("value", 1)]),
        wire.Ack(seq=1, cseq=1),
        wire.Resync(epoch="e", seq=1, reason="r"),
        wire.Detach(),
        wire.Ping(),
        wire.Pong(),
    )
]


@st.composite
def envelopes(draw: st.DrawFn) -> bytes:
    """Frames with fields that are missing, of another type, added, or nested where nothing nests."""
    header = json.loads(json.dumps(draw(st.sampled_from(HONEST))))
    for _ in range(draw(st.integers(0, 3))):
        inner = [each for each in header.values() if isinstance(each, dict)]
        fields = inner[0] if inner and draw(st.booleans()) else header
        name = draw(st.sampled_from(sorted(fields)) if fields else st.text(max_size=4))
        match draw(st.integers(0, 2)):
            case 0:
                fields.pop(name, None)
            case 1:
                fields[name] = draw(JSON)
            case 2:
                fields[draw(st.sampled_from(["buffers", "type", "events", "resume", "extra"]))] = draw(JSON)
    encoded = json.dumps(header).encode("utf-8", "surrogatepass")
    length = max(0, len(encoded) + draw(st.sampled_from([0, 0, 0, 0, -1, 1, 2**31])))
    number = draw(st.sampled_from([0, 1, 1, 1, 2, 2**32 - 1]))
    return struct.pack("<II", number, length) + encoded + draw(st.sampled_from([b"", b"", b"", b"\0" * 8]))


def test_f29_malformed_envelopes_close_their_connection_with_a_code_and_change_nothing(
    figures: Figures,
) -> None:
    """Hypothesis makes envelopes with fields that are missing, of another type, or added, and sends them to a
    hub in memory, before and after a document was opened."""
    recipe = ToyRecipe()
    hub = Hub("key", Settings(grace=0.01, stop_timeout=1))
    hub.add_app("toy", recipe)
    tried: dict[str, int] = {}

    @settings(
        max_examples=count(700, 20_000), deadline=None, database=None, suppress_health_check=[*HealthCheck]
    )
    @given(st.booleans(), st.lists(envelopes(), min_size=1, max_size=3))
    def tries(opened: bool, messages: list[bytes]) -> None:
        browser = MemoryBrowser(hub)
        if opened:
            browser.open(hub.ticket("toy")).wait_for(wire.SnapshotFrame)
        for each in messages:
            browser.endpoint.receive(each)
            code = browser.endpoint.close_code
            assert code is None or 1000 <= code < 5000
            told = "was ignored, or right" if code is None else f"closed with {int(code)}"
            tried[told] = tried.get(told, 0) + 1
        browser.endpoint.lost()

    try:
        tries()
        wait_until(lambda: not hub.sessions)
        assert hub.status()["sockets"] == 0
        # An edit needs the epoch, which nobody can guess.
        assert all(each.callback_runs == 0 for each in recipe.documents)
        assert all(set(each.ever_sent) <= {"root"} for each in recipe.documents)
    finally:
        hub.stop()
    figures("envelopes", sum(tried.values()))
    for told, times in sorted(tried.items()):
        figures(told, times)
    assert len(tried) > 1


def test_f30_an_edit_whose_buffers_are_cut_missing_or_too_many_changes_nothing(
    patient: FaultSite, figures: Figures
) -> None:
    """Each of two buffers is cut at each eighth; buffers are announced and not sent, sent and not announced,
    announced by the billion."""
    cases = list(_wrong_buffers())
    codes: dict[int, int] = {}
    for wrong in cases:
        with RawSocket(_endpoint(patient)) as browser:
            opened = _opened(browser, patient, "arrays")
            browser.send(encode_frame(BINARY, wrong(opened)))
            code = browser.ending()
            codes[code] = codes.get(code, 0) + 1
        _check_unchanged(patient, opened, opened.seq)
        assert patient.runs(opened.session, "draw") == []
    assert codes.keys() <= {wire.Close.BAD_MESSAGE, wire.Close.TOO_BIG}, codes
    figures("cases", len(cases))
    figures("closed with", ", ".join(f"{code}: {times}" for code, times in sorted(codes.items())))


def _wrong_buffers() -> Iterator[Callable[[wire.Opened], bytes]]:
    """Messages that are wrong, each to be made for an opened document."""
    data = [b"a" * 64, b"b" * 64]

    def whole(opened: wire.Opened) -> bytes:
        buffers = [Buffer(f"{opened.client}.{n}", each) for n, each in enumerate(data, start=1)]
        edit = wire.Edit(cseq=1, base=0, epoch=opened.epoch, events=[message("draw", 1)])
        return wire.frame(1, wire.encode_payload(edit, buffers))

    def cut(eighths: int, buffer: int) -> Callable[[wire.Opened], bytes]:
        return lambda opened: whole(opened)[: -64 * (1 - buffer) - 8 * eighths]

    def announced(buffers: Any, rest: bytes = b"") -> Callable[[wire.Opened], bytes]:
        def make(opened: wire.Opened) -> bytes:
            edit = wire.Edit(cseq=1, base=0, epoch=opened.epoch, events=[message("draw", 1)])
            encoded = json.dumps(json.loads(wire.encode_payload(edit)[8:]) | {"buffers": buffers}).encode()
            encoded += b" " * (-len(encoded) % 8)
            return struct.pack("<II", 1, len(encoded)) + encoded + rest

        return make

    for buffer in (0, 1):
        for eighths in range(1, 9):
            yield cut(eighths, buffer)
    yield lambda opened: whole(opened) + b"\0" * 8
    yield lambda opened: whole(opened) + b"x" * 64
    yield announced([["c.1", 64]])
    yield announced([], b"x" * 64)
    yield announced([["c.1", 8], ["c.1", 8]], b"x" * 16)
    yield announced([["c.1", 10**9]], b"x" * 8)
    yield announced([["c.1", 2**53]], b"x" * 8)
    yield announced([["c.1", 10**30]], b"x" * 8)
    yield announced([["c.1", -8]], b"x" * 8)
    yield announced([["", 8]], b"x" * 8)
    yield announced([["c.1", 8.5]], b"x" * 8)
    yield announced([[f"c.{n}", 0] for n in range(300)])
    yield announced([[f"c.{n}", 0] for n in range(100_001)])
    yield announced({"c.1": 8}, b"x" * 8)
    yield announced("c.1", b"x" * 8)
    yield announced(10**9, b"x" * 8)


@pytest.mark.parametrize("depth", [100, 1_000, 100_000])
def test_f35_json_that_nests_deeper_than_allowed_closes_its_connection_and_costs_nothing(
    patient: FaultSite, figures: Figures, depth: int
) -> None:
    """Lists and dictionaries inside each other, in the events of an edit and in a field that nobody knows."""
    took = []
    for opening, closing in ((b"[", b"]"), (b'{"a":', b"}")):
        nested = opening * depth + b"1" + closing * depth
        for fields in (b'"events":[%s]' % nested, b'"more":%s,"events":[]' % nested):
            if depth == 100 and b"more" in fields:
                continue  # It is passed over.
            with RawSocket(_endpoint(patient)) as browser:
                opened = _opened(browser, patient, "arrays")
                edit = b'{"type":"edit","cseq":1,"base":0,"epoch":"%s",%s}' % (opened.epoch.encode(), fields)
                started = time.monotonic()
                browser.send(encode_frame(BINARY, struct.pack("<II", 1, len(edit)) + edit))
                assert browser.ending() == wire.Close.BAD_MESSAGE
                took.append(time.monotonic() - started)
            _check_unchanged(patient, opened, opened.seq)
    figures("depth", depth)
    figures("closed after", max(took), "s")


# Tools.


def _endpoint(site: FaultSite) -> str:
    return elements_of(site.page("brief"))[0].endpoint


def _opened(browser: RawSocket, site: FaultSite, app: str = "brief") -> wire.Opened:
    [element] = elements_of(site.page(app))
    browser.send_frame(wire.Open(protocol=1, ticket=element.ticket))
    opened = browser.wait_for(wire.Opened)
    browser.wait_for(wire.SnapshotFrame)
    return opened


def _resumed(browser: RawSocket, opened: wire.Opened) -> wire.Opened:
    position = wire.Resume(
        session=opened.session, client=opened.client, secret=opened.secret, epoch=opened.epoch, seq=opened.seq
    )
    browser.send_frame(wire.Open(protocol=1, resume=position))
    return browser.wait_for(wire.Opened)


def _check_unchanged(site: FaultSite, opened: wire.Opened, seq: int) -> None:
    """The session goes on where it was, and no op was made meanwhile."""
    with RawSocket(_endpoint(site)) as browser:
        assert _resumed(browser, opened).seq == seq
        browser.send_frame(wire.Detach())


def _check_alive(site: FaultSite, log: int, connections: int, figures: Figures) -> None:
    """The server answers, nobody is left, and the log is calm."""
    with site.replica("tally").wait_shown() as replica:
        replica.result(replica.say("step", 1))
    site.wait_empty()
    written = site.log_since(log)
    # uvicorn itself writes one for each text that is no UTF-8, whatever the application.
    of_uvicorn = written.count("Invalid UTF-8 sequence received from client.")
    assert written.count("Traceback") == of_uvicorn, written[-3000:]
    if of_uvicorn:
        figures("tracebacks of uvicorn itself", of_uvicorn)
    # Some servers write a line for each request, and the app itself writes when a session begins.
    lines = [each for each in written.splitlines() if "/live/" not in each and "/page/" not in each]
    figures("lines in the log for each connection", len(lines) / connections)
    assert len(lines) <= 4 * connections + 20


def _honest_frames(browser: RawSocket, ticket: str | None) -> list[bytes]:
    """Frames that a browser would send; if a ticket is given, after it has opened a document."""
    epoch = "e"
    if ticket is not None:
        browser.send_frame(wire.Open(protocol=1, ticket=ticket))
        epoch = browser.wait_for(wire.Opened).epoch
    frames: list[tuple[int, wire.ClientFrame]] = [
        (1, wire.Edit(cseq=1, base=0, epoch=epoch, events=[message("step", 1)])),
        (1, wire.Ack(seq=1, cseq=1)),
        (1, wire.Resync(epoch=epoch, seq=0)),
        (2, wire.Open(protocol=1, ticket="none")),
        (0, wire.Ping()),
        (0, wire.Pong()),
    ]
    return [
        *(encode_frame(BINARY, wire.frame(number, wire.encode_payload(each))) for number, each in frames),
        encode_frame(PING, b"ping"),
        encode_frame(CLOSE, struct.pack(">H", 1000)),
        encode_frame(TEXT, b"text"),
    ]


def _mutated(frame: bytes, dice: random.Random) -> bytes:
    data = bytearray(frame)
    for _ in range(dice.randint(0, 3)):
        at = dice.randrange(len(data)) if data else 0
        match dice.randrange(5):
            case 0 if data:
                data[at] ^= 1 << dice.randrange(8)
            case 1 if data:
                data[at] = dice.randrange(256)
            case 2:
                del data[at : at + dice.randint(1, 8)]
            case 3:
                data[at:at] = dice.randbytes(dice.randint(1, 8))
            case 4:
                data[at:at] = data[at : at + 16]
    return bytes(data)
