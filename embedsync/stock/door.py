"""From the handshake of a stock client to a session."""

from __future__ import annotations

import logging
from collections.abc import Collection, Mapping, Sequence
from typing import TYPE_CHECKING
from urllib.parse import parse_qs

from embedsync.audit import Event, Reason
from embedsync.errors import TicketError, TicketExpired, TicketInvalid, TicketOfAnother, UnknownApp
from embedsync.legible import legible
from embedsync.routes import Routes
from embedsync.stock.connection import ATTACHMENT, StockConnection
from embedsync.tickets import Grant

if TYPE_CHECKING:
    from embedsync.app import App
    from embedsync.endpoint import Endpoint
    from embedsync.hub import Hub
    from embedsync.request import Request
    from embedsync.stock.tokens import Token

__all__ = ["PROTOCOL", "Door", "arguments_of"]

logger = logging.getLogger("embedsync.stock")

PROTOCOL = "bokeh"
"""The subprotocol of the socket; the token stands behind it, as if it were another one."""

_LONGEST_QUERY = 64 * 1024


class Door:
    """Lets stock clients in.

    Args:
        hub: whose apps they ask for.
    """

    def __init__(self, hub: Hub) -> None:
        self._hub = hub

    def token(
        self, name: str, arguments: Mapping[str, Sequence[str]], request: Request, session: str = ""
    ) -> str:
        """A token for a page that names an app.

        Args:
            name: of the app.
            arguments: for the app.
            request: of the page.
            session: id of the session that it wants to open or join; a new one if empty.

        Raises:
            UnknownApp: there is no such app.
            TicketInvalid: the app is not open to script tags, or not to this visitor or with these
                arguments, or nobody has signed the id.
        """
        self._hub.check_script_tag(name, arguments, request)
        tokens = self._hub.tokens
        if session and not self._takes_unsigned and not tokens.is_signed(session):
            raise TicketInvalid("the id of a session was not signed by this site ('stock_unsigned')")
        return tokens.make(session or tokens.new_session(), name, arguments, request.user_key)

    def admit(self, name: str, offered: Sequence[str], query: str, request: Request) -> Grant | None:
        """What the maker of a handshake is granted; ``None``, and a line in the log, if nothing.

        Args:
            name: of the app.
            offered: the subprotocols that it offers.
            query: of the handshake's URL.
            request: the handshake.
        """
        if not Routes(self._hub).admits("stock-socket", request):
            return None
        try:
            if len(offered) != 2 or offered[0] != PROTOCOL:
                raise TicketInvalid(f"a socket without the subprotocol {PROTOCOL!r} and a token")
            return self.grant(name, offered[1], query, request)
        except (TicketError, UnknownApp) as error:
            self._hub.counters.count("opens_refused")
            logger.warning("app %r: refused a stock client: %s", name, legible(error))
            self._hub.audit.write(Event.REFUSE, request, app=name, reason=Reason.of(error))
            return None

    def grant(self, name: str, shown: str, query: str, request: Request) -> Grant:
        """What a token grants to the maker of a handshake.

        Args:
            name: of the app.
            shown: the token.
            query: of the handshake's URL: arguments, if the token says nothing of them.
            request: the handshake.

        Raises:
            UnknownApp: there is no such app.
            TicketExpired: the token is too old to open a session, and there is none that it could join.
            TicketInvalid: it was not signed, or was made for another app or user, or its session is
                another's.
        """
        app, token = self._hub.app(name), self._hub.tokens.read(shown)
        self._check(app, token, request)
        arguments = token.arguments if token.arguments is not None else _known(app, arguments_of(query))
        grant = Grant(app.name, arguments, user_key=request.user_key, session_id=token.session)
        live = self._hub.session_of(grant)
        if live is not None and not app.shared and live.info.request.user_key != request.user_key:
            raise TicketOfAnother("the session belongs to another user")
        # To come back after a lost socket is no question of age, as long as the session is there.
        if live is None and self._hub.tokens.has_expired(token):
            raise TicketExpired("the token is too old to open a session")
        return grant

    def connect(self, grant: Grant, request: Request) -> Endpoint:
        """The endpoint of a socket whose client was granted a session."""
        hub = self._hub
        conversation = StockConnection(hub.settings, hub.clock(), version=_version())
        endpoint = hub.connect(request, conversation)
        if endpoint.close_code is None:
            hub.enter(endpoint.attachment(ATTACHMENT), grant)
        return endpoint

    @property
    def _takes_unsigned(self) -> bool:
        return self._hub.settings.stock_unsigned

    def _check(self, app: App, token: Token, request: Request) -> None:
        if not token.is_signed:
            if not self._takes_unsigned:
                raise TicketInvalid("a token that this site has not signed ('stock_unsigned')")
            self._hub.check_script_tag(app.name, token.arguments or (), request)
        elif token.app is not None and token.app != app.name:
            raise TicketInvalid("the token was made for another app")
        elif token.user_key and token.user_key != request.user_key:
            raise TicketOfAnother("the token was made for another user")


def arguments_of(query: str) -> dict[str, list[str]]:
    """The arguments for an app in a query; what is for Bokeh itself is left out.

    Raises:
        TicketInvalid: there is too much of it.
    """
    try:
        if len(query) > _LONGEST_QUERY:
            raise TicketInvalid("the address carries more than an app can take")
        found = parse_qs(query, keep_blank_values=True, max_num_fields=1000)
    except ValueError as error:
        raise TicketInvalid("the address carries more than an app can take") from error
    return {name: each for name, each in found.items() if not name.startswith("bokeh-")}


def _known(app: App, arguments: Mapping[str, Sequence[str]]) -> Mapping[str, Sequence[str]]:
    """What pages may say that were made by nobody in particular; the rest is not for the app."""
    allowed: Collection[str] | None = app.script_arguments if app.script_tag else ()
    return (
        arguments if allowed is None else {name: each for name, each in arguments.items() if name in allowed}
    )


def _version() -> str:
    from embedsync.documents.bokeh.stock_pages import bokeh_version

    return bokeh_version()
