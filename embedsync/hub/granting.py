"""Tickets for pages: which page is given one, and for which a fresh one is given."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import replace
from typing import Any

from embedsync.admission import Admission
from embedsync.errors import ConfigurationError, TicketInvalid
from embedsync.hub.apps import Apps
from embedsync.request import Request
from embedsync.tickets import LONGEST_TICKET, Grant, Tickets, encode_arguments

__all__ = ["Granting"]


class Granting:
    """Makes tickets; see the methods of :class:`~embedsync.hub.Hub` for what these need.

    Args:
        apps: what tickets are for.
        tickets: signs and reads them.
        admission: knows who may use an app.
        random_id: makes each ticket another one.
    """

    def __init__(
        self, apps: Apps, tickets: Tickets, admission: Admission, random_id: Callable[[], str]
    ) -> None:
        self._apps = apps
        self._tickets = tickets
        self._admission = admission
        self._random_id = random_id

    def grant(
        self,
        name: str,
        arguments: Mapping[str, Any],
        *,
        session: str = "",
        user_key: str = "",
        page: Mapping[str, str] | None = None,
        session_id: str = "",
    ) -> Grant:
        """What a ticket says; see :meth:`embedsync.hub.Hub.ticket`.

        Raises:
            UnknownApp: there is no such app.
            ConfigurationError: an argument cannot be carried.
        """
        self._apps.app(name)
        encoded = encode_arguments(arguments)
        return Grant(name, encoded, session, user_key, self._random_id(), page or {}, session_id)

    def sign(self, grant: Grant) -> str:
        """The ticket.

        Raises:
            ConfigurationError: it is longer than a page can carry.
        """
        ticket = self._tickets.sign(grant)
        if len(ticket) > LONGEST_TICKET:
            raise ConfigurationError(
                f"the arguments of app {grant.app!r} are too long for a page: they make a ticket of "
                f"{len(ticket)} bytes, and {LONGEST_TICKET} is the most; pass a key, and let the app look up "
                "the rest"
            )
        return ticket

    def check_script_tag(self, name: str, arguments: Collection[str], request: Request) -> None:
        """See :meth:`embedsync.hub.Hub.check_script_tag`."""
        app = self._apps.app(name)
        if not app.script_tag:
            raise TicketInvalid(f"app {name!r} is not open to script tags: add it with script_tag=True")
        for each in arguments:
            if app.script_arguments is not None and each not in app.script_arguments:
                raise TicketInvalid(
                    f"app {name!r} takes no argument {each!r} from script tags: name it in script_arguments"
                )
        if not self._admission.permits(app, request):
            raise TicketInvalid(f"this visitor may not use app {name!r}")

    def renew(self, ticket: str, request: Request) -> str:
        """See :meth:`embedsync.hub.Hub.renew_ticket`."""
        grant = self._tickets.renewable(ticket, request.user_key)
        app = self._apps.get(grant.app)
        if app is None or not self._admission.permits(app, request):
            raise TicketInvalid(f"the user may not use app {grant.app!r}")
        return self._tickets.sign(replace(grant, nonce=self._random_id()))
