"""Tickets of the contract's sites, for tests that need many and know with which key they are signed."""

from __future__ import annotations

import time
import uuid
from dataclasses import replace

from embedsync.tickets import Tickets

__all__ = ["another"]

_tickets = Tickets(["for tests only"], max_age=3600, renewal_age=3600, now=time.time)


def another(ticket: str) -> str:
    """A ticket for the same thing, as the page would have if it were loaded once more."""
    return _tickets.sign(replace(_tickets.read(ticket), nonce=uuid.uuid4().hex))
