"""Bokeh's session ids and tokens: what a page of stock BokehJS shows for a session.

A token is JSON, readable by everybody, with a signature behind it. Ours hold nothing secret: the id of
a session, the app, its arguments, and whom they were made for.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import json
import secrets
import string
import zlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from embedsync.errors import TicketInvalid

__all__ = ["Token", "Tokens"]

_ALPHABET = string.ascii_letters + string.digits
_ID_LENGTH = 44
_PACKED = "__bk__zlib_"
_USER = "embedsync_user"
_APP = "embedsync_app"
_LONGEST_TOKEN = 64 * 1024
_LONGEST_PAYLOAD = 256 * 1024
"""Bytes of what a token unpacks to: some dozens of bytes can be made to hold a gigabyte."""
_LONGEST_ID = 128


@dataclass(frozen=True, slots=True)
class Token:
    """What a token says.

    Attributes:
        session: id of the session.
        expires: seconds since 1970.
        arguments: for the app; ``None`` if the token says nothing of them.
        user_key: whom it was made for; ``None`` if it does not say.
        app: name of the app that it was made for; ``None`` if it does not say, as those of ``bokeh.client``.
        is_signed: whether it is authentic; otherwise anybody may have made it.
    """

    session: str
    expires: float
    arguments: Mapping[str, Sequence[str]] | None
    user_key: str | None
    app: str | None
    is_signed: bool


class Tokens:
    """Makes and reads session ids and tokens.

    Args:
        keys: secret keys, the newest last: it signs, all are accepted.
        max_age: seconds for which a token opens a session.
        now: the present, in seconds since 1970.
    """

    def __init__(self, keys: Sequence[str | bytes], *, max_age: float, now: Callable[[], float]) -> None:
        self._keys = [key.encode() if isinstance(key, str) else key for key in keys]
        self._max_age = max_age
        self._now = now

    def new_session(self) -> str:
        """An id that cannot be guessed, signed."""
        return self._signed("".join(secrets.choice(_ALPHABET) for _ in range(_ID_LENGTH)))

    def is_signed(self, text: str) -> bool:
        """Whether an id, or a token, was signed with one of the keys."""
        said, dot, signature = text.partition(".")
        if not dot or not text.isascii():
            return False
        return any(hmac.compare_digest(_signature(said, key), signature) for key in self._keys)

    def make(self, session: str, app: str, arguments: Mapping[str, Sequence[str]], user_key: str) -> str:
        """A token for a session of an app, signed, and valid from now."""
        values = {
            name: [{"bytes": _encoded(each.encode())} for each in given] for name, given in arguments.items()
        }
        payload = json.dumps({"arguments": values, _USER: user_key, _APP: app}).encode()
        said = {
            "session_id": session,
            "session_expiry": int(self._now() + self._max_age),
            _PACKED: _encoded(zlib.compress(payload, level=9)),
        }
        return self._signed(_encoded(json.dumps(said).encode()))

    def read(self, token: str) -> Token:
        """What a token says, whoever made it.

        Raises:
            TicketInvalid: it is no token, or more than one holds.
        """
        if len(token) > _LONGEST_TOKEN:
            raise TicketInvalid(f"a token of {len(token)} bytes")
        try:
            said = json.loads(_decoded(token.partition(".")[0]))
            payload = json.loads(_unpacked(_decoded(said[_PACKED]))) if _PACKED in said else {}
            return self._token(token, said, {**said, **payload})
        except TicketInvalid:
            raise
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError, zlib.error) as error:
            raise TicketInvalid("what was shown is no token of Bokeh's") from error

    def has_expired(self, token: Token) -> bool:
        """Whether a token opens no session any more."""
        return self._now() > token.expires

    def _token(self, token: str, said: dict[str, Any], payload: dict[str, Any]) -> Token:
        session, user_key, app = said["session_id"], payload.get(_USER), payload.get(_APP)
        if not isinstance(session, str) or not 0 < len(session) <= _LONGEST_ID or not session.isprintable():
            raise TicketInvalid("a token without the id of a session")
        return Token(
            session,
            float(said["session_expiry"]),
            _arguments(payload["arguments"]) if payload.get("arguments") is not None else None,
            user_key if isinstance(user_key, str) else None,
            app if isinstance(app, str) else None,
            self.is_signed(token),
        )

    def _signed(self, text: str) -> str:
        return f"{text}.{_signature(text, self._keys[-1])}"


def _arguments(said: dict[str, list[Any]]) -> dict[str, list[str]]:
    return {str(name): [_argument(each) for each in values] for name, values in said.items()}


def _argument(value: Any) -> str:
    if isinstance(value, dict):
        return _decoded(value["bytes"]).decode()
    if not isinstance(value, str):
        raise TicketInvalid("a token with an argument that is no text")
    return value


def _unpacked(packed: bytes) -> bytes:
    unpacking = zlib.decompressobj()
    payload = unpacking.decompress(packed, _LONGEST_PAYLOAD)
    if not unpacking.eof:
        raise TicketInvalid("a token that holds too much")
    return payload


def _signature(text: str, key: bytes) -> str:
    return _encoded(hmac.new(key, text.encode(), hashlib.sha256).digest())


def _encoded(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).decode().rstrip("=")


def _decoded(text: str) -> bytes:
    try:
        return base64.b64decode(text + "=" * (-len(text) % 4), altchars="-_", validate=True)
    except (binascii.Error, ValueError) as error:
        raise TicketInvalid("what was shown is no token of Bokeh's") from error
