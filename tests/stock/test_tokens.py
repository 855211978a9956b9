"""Session ids and tokens are Bokeh's, byte for byte, and what strangers make of them does no harm."""

from __future__ import annotations

import base64
import json
import zlib
from typing import Any

import pytest
from bokeh.util.token import (
    check_session_id_signature,
    check_token_signature,
    generate_jwt_token,
    generate_session_id,
    get_session_id,
    get_token_payload,
)

from embedsync.errors import TicketInvalid
from embedsync.stock.tokens import Tokens

KEY = "the present key"
NOW = 1_000_000.0


def tokens(*keys: str) -> Tokens:
    return Tokens(keys or (KEY,), max_age=300, now=lambda: NOW)


def as_token(said: Any) -> str:
    return base64.urlsafe_b64encode(json.dumps(said).encode()).decode().rstrip("=")


def test_bokeh_reads_and_verifies_what_we_make() -> None:
    session = tokens().new_session()
    token = tokens().make(session, "app", {"a": ["1", "ü"]}, "")
    assert check_session_id_signature(session, KEY, signed=True)
    assert check_token_signature(token, KEY, signed=True)
    assert get_session_id(token) == session
    payload = get_token_payload(token)
    assert payload["arguments"] == {"a": [b"1", "ü".encode()]}
    assert payload["session_expiry"] == NOW + 300


def test_we_read_and_verify_what_bokeh_makes() -> None:
    session = generate_session_id(KEY.encode(), signed=True)
    payload = {"arguments": {"a": [b"1"]}, "headers": {}, "cookies": {}}
    token = tokens().read(generate_jwt_token(session, KEY.encode(), signed=True, extra_payload=payload))
    assert (token.session, token.arguments, token.is_signed) == (session, {"a": ["1"]}, True)
    assert tokens().is_signed(session)


def test_an_older_key_is_accepted_and_another_is_not() -> None:
    token = generate_jwt_token("x", b"the older key", signed=True)
    assert tokens("the older key", KEY).read(token).is_signed
    assert not tokens("another key").read(token).is_signed


def test_a_token_that_was_altered_is_not_signed() -> None:
    token = tokens().make("mine", "app", {}, "")
    said, _, signature = token.partition(".")
    changed = as_token({**json.loads(base64.urlsafe_b64decode(said + "==")), "session_id": "yours"})
    assert not tokens().read(f"{changed}.{signature}").is_signed
    assert not tokens().read(said).is_signed


def test_a_token_that_unpacks_to_very_much_is_refused() -> None:
    bomb = base64.urlsafe_b64encode(zlib.compress(bytes(20_000_000))).decode().rstrip("=")
    with pytest.raises(TicketInvalid, match="too much"):
        tokens().read(as_token({"session_id": "x", "session_expiry": 0, "__bk__zlib_": bomb}))


@pytest.mark.parametrize(
    "token",
    [
        "",
        "no token",
        "ü",
        "a" * 100_000,
        as_token([]),
        as_token({"session_id": "x"}),
        as_token({"session_id": 1, "session_expiry": 0}),
        as_token({"session_id": "", "session_expiry": 0}),
        as_token({"session_id": "x" * 1_000, "session_expiry": 0}),
        as_token({"session_id": "a\nb", "session_expiry": 0}),
        as_token({"session_id": "x", "session_expiry": None}),
        as_token({"session_id": "x", "session_expiry": 0, "arguments": [1]}),
        as_token({"session_id": "x", "session_expiry": 0, "arguments": {"a": 1}}),
        as_token({"session_id": "x", "session_expiry": 0, "arguments": {"a": [1]}}),
        as_token({"session_id": "x", "session_expiry": 0, "arguments": {"a": [{"bytes": "/w"}]}}),
        as_token({"session_id": "x", "session_expiry": 0, "__bk__zlib_": "AAAA"}),
        as_token({"session_id": "x", "session_expiry": 0, "__bk__zlib_": 5}),
        base64.urlsafe_b64encode(b"[" * 50_000).decode(),
    ],
)
def test_what_is_no_token_is_refused(token: str) -> None:
    with pytest.raises(TicketInvalid):
        tokens().read(token)
