"""Tickets: what a page carries, and the browser trades for a session.

A ticket is signed with the site's secret key and bound to an app, its arguments and a user. It
holds nothing secret, and nothing that the visitor could use elsewhere.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from dataclasses import fields as dataclass_fields
from typing import Any

from itsdangerous import BadData, BadTimeSignature, SignatureExpired, TimestampSigner, URLSafeTimedSerializer

from embedsync.errors import ConfigurationError, TicketExpired, TicketInvalid, TicketOfAnother

__all__ = ["LONGEST_TICKET", "Grant", "Tickets", "encode_arguments"]

LONGEST_TICKET = 16 * 1024
"""What a browser may show in ``open``: a longer one would be refused there, less plainly."""
_SALT = "embedsync.ticket"


@dataclass(frozen=True, slots=True)
class Grant:
    """What a ticket grants.

    Attributes:
        app: name of the app.
        arguments: the app's arguments, each name with its values.
        session: where visitors are to meet: a name that the page's author chose, or empty.
        user_key: whom it was made for.
        nonce: tells tickets apart that are made at the same time for the same thing.
        page: what the adapter wants to know about the page when a session begins.
        session_id: id of the session that it opens or joins; of any, if empty.
        made: when the ticket was made, in seconds since 1970; 0 before it is.
    """

    app: str
    arguments: Mapping[str, Sequence[str]]
    session: str = ""
    user_key: str = ""
    nonce: str = ""
    page: Mapping[str, str] = field(default_factory=dict)
    session_id: str = ""
    made: float = field(default=0.0, compare=False)


def encode_arguments(arguments: Mapping[str, Any]) -> dict[str, list[str]]:
    """Bring arguments of a page into the form that apps read them in: names with lists of text.

    Text stays as it is, numbers become their text, other values their JSON. A list of such values
    becomes several values of the same name, and ``None`` leaves the name out.

    Raises:
        ConfigurationError: a value is nothing that JSON can carry; the message names the argument.
    """
    encoded: dict[str, list[str]] = {}
    for name, value in arguments.items():
        values = list(value) if isinstance(value, list | tuple) else [value]
        encoded[name] = [_encode_argument(name, each) for each in values if each is not None]
    return {name: values for name, values in encoded.items() if values}


def _encode_argument(name: str, value: Any) -> str:
    if isinstance(value, str):
        return str(value)
    try:
        return json.dumps(value, allow_nan=False)
    except (TypeError, ValueError) as error:
        raise ConfigurationError(
            f"argument {name!r} of an embedded app must be text, a finite number or other JSON, "
            f"not {value if isinstance(value, float) else type(value).__name__}; str() or int() may help"
        ) from error


class Tickets:
    """Signs and reads tickets.

    Args:
        keys: secret keys, the newest last: it signs, all are accepted.
        max_age: seconds for which a ticket opens a session.
        renewal_age: seconds for which an authentic ticket can be renewed.
        now: the present, in seconds since 1970.

    Raises:
        ConfigurationError: there is no key, or an empty one.
    """

    def __init__(
        self, keys: Sequence[str | bytes], *, max_age: float, renewal_age: float, now: Callable[[], float]
    ) -> None:
        if not keys or not all(keys):
            raise ConfigurationError("embedsync needs a secret key to sign tickets with")
        self._max_age = max_age
        self._renewal_age = renewal_age

        class Signer(TimestampSigner):
            def get_timestamp(self) -> int:
                return int(now())

        self._serializer = URLSafeTimedSerializer(
            [key.encode() if isinstance(key, str) else key for key in keys],
            salt=_SALT,
            signer=Signer,
            signer_kwargs={"key_derivation": "hmac", "digest_method": hashlib.sha256},
        )

    def sign(self, grant: Grant) -> str:
        """Make a ticket, valid from now."""
        arguments = {name: list(values) for name, values in grant.arguments.items()}
        page = dict(grant.page)
        return self._serializer.dumps(
            [grant.app, arguments, grant.session, grant.user_key, grant.nonce, page, grant.session_id]
        )

    def read(self, ticket: str) -> Grant:
        """What a ticket grants.

        Raises:
            TicketExpired: it is older than ``max_age``.
            TicketInvalid: it is not authentic.
        """
        return self._read(ticket, self._max_age)

    def renew(self, ticket: str, user_key: str) -> str:
        """Trade an authentic ticket for a fresh one, for the same user.

        Raises:
            TicketExpired: it is too old even for that.
            TicketInvalid: it is not authentic, or was made for another user.
        """
        return self.sign(self.renewable(ticket, user_key))

    def renewable(self, ticket: str, user_key: str) -> Grant:
        """What a ticket, expired or not, was made for; raises as :meth:`renew` does."""
        grant = self._read(ticket, self._renewal_age)
        if grant.user_key != user_key:
            raise TicketOfAnother("the ticket was made for another user")
        return grant

    def _read(self, ticket: str, max_age: float) -> Grant:
        try:
            fields, made = self._serializer.loads(ticket, max_age=int(max_age), return_timestamp=True)
        except SignatureExpired as error:
            raise TicketExpired(str(error)) from error
        except (BadData, BadTimeSignature) as error:
            raise TicketInvalid("the ticket is not authentic") from error
        # All that is signed, which is all but the time.
        if len(fields) != len(dataclass_fields(Grant)) - 1:
            raise TicketInvalid("the ticket was made by another version")
        return replace(Grant(*fields), made=made.timestamp())
