"""S2, S5, S8–S11: a session is its user's, from the page to the last frame, while they are logged in."""

from __future__ import annotations

import base64
import itertools
import json
import random
import re
import urllib.error
import urllib.request
import zlib
from contextlib import ExitStack, suppress

import pytest
from websockets.exceptions import ConnectionClosed

from embedsync import wire
from embedsync.tickets import Grant, Tickets
from tests.contract.client import Attached, Client, change, elements_of, fetch, origin_of
from tests.contract.servers import Site

COOKIE = "a-cookie-that-nobody-else-may-see"
"""Every user of the tests has one more cookie, which must not be found in any log."""


def cookies(user: str) -> dict[str, str]:
    return {"Cookie": f"user={user}; extra={COOKIE}" if user else f"extra={COOKIE}"}


def renewed(element_endpoint: str, ticket: str, headers: dict[str, str]) -> str | None:
    """A fresh ticket, as a page would ask for it; ``None`` if it is refused."""
    asked = urllib.request.Request(
        f"{element_endpoint}ticket",
        json.dumps({"ticket": ticket}).encode(),
        {"Content-Type": "application/json", "Origin": origin_of(element_endpoint), **headers},
    )
    try:
        with urllib.request.urlopen(asked) as response:
            return str(json.loads(response.read())["ticket"])
    except urllib.error.HTTPError as error:
        error.close()
        if error.code != 403:
            raise
        return None


def ending(client: Client, attached: Attached) -> int:
    """The code with which a document, or the whole socket, is closed."""
    try:
        return int(client.wait(lambda: client.closed_with(attached)))
    except ConnectionClosed:
        return client.wait_closed()


# S2: a page that a proxy, or an old browser, gives the origin of the site has no ticket still.


@pytest.mark.parametrize("ticket", ["", "none", "e30.e30.e30", "x" * 2000])
def test_s02_with_the_cookies_and_the_origin_of_a_page_but_no_ticket_nobody_is_let_in(
    site: Site, ticket: str
) -> None:
    """The origin is one lock and the ticket another; CVE-2022-42975 opened the first one only."""
    endpoint = elements_of(site.page("private"), cookies("ada"))[0].endpoint
    with Client(endpoint, **cookies("ada")) as client:
        assert ending(client, client.open(ticket)) == wire.Close.FORBIDDEN
    assert renewed(endpoint, ticket, cookies("ada")) is None


# S5: sessions are named by the server.


def test_s05_who_logs_in_gets_another_session_than_the_stranger_before(site: Site) -> None:
    """An attacker who has opened a session, and knows its names, has no part in what a victim does in it."""
    before = elements_of(site.page("private"), cookies(""))[0]
    with Client(before.endpoint, **cookies("")) as stranger:
        known = stranger.open(before.ticket)
        assert known.opened is not None
        with Client(before.endpoint, **cookies("ada")) as ada:
            # What the stranger's page holds opens nothing for her, and she gets no other for it.
            assert ada.closed_with(ada.open(before.ticket)) == wire.Close.TICKET_EXPIRED
            assert ada.closed_with(ada.resume(known)) == wire.Close.FORBIDDEN
            assert renewed(before.endpoint, before.ticket, cookies("ada")) is None
            own = ada.open(elements_of(site.page("private"), cookies("ada"))[0].ticket)
            assert own.opened is not None
            assert own.opened.session != known.opened.session
            assert ada.value(own, "report", "value") in ("this is of ada", "this is of 'ada'")


def test_s05_nobody_chooses_the_name_of_a_session(site: Site) -> None:
    element = elements_of(f"{site.page('private')}?bokeh-session-id=chosen", cookies("ada"))[0]
    with Client(element.endpoint, **cookies("ada")) as client:
        opened = client.open(element.ticket).opened
        assert opened is not None
        assert opened.session != "chosen"
        chosen = wire.Resume(session="chosen", client="chosen", secret="chosen", epoch="", seq=0)
        attached = client.begin(wire.Open(protocol=1, resume=chosen))
        assert ending(client, attached) == wire.Close.SESSION_GONE


# S8: nobody reads what is another's.


def test_s08_swapped_names_secrets_tickets_and_models_read_nothing_of_anybody_else(site: Site) -> None:
    """Two users; everything that the one knows is shown by the other, in every combination."""
    with ExitStack() as stack:
        elements = {each: elements_of(site.page("private"), cookies(each))[0] for each in ("ada", "eve")}
        clients = {
            each: stack.enter_context(Client(elements[each].endpoint, **cookies(each))) for each in elements
        }
        attached = {each: clients[each].open(elements[each].ticket) for each in elements}
        hers, own = attached["ada"].opened, attached["eve"].opened
        assert hers is not None
        assert own is not None
        eve = clients["eve"]
        shown = itertools.product(
            (hers.session, own.session), (hers.client, own.client), (hers.secret, own.secret, "x"),
            (hers.epoch, own.epoch, ""),
        )  # fmt: skip
        tries = 0
        for session, client, secret, epoch in shown:
            if (session, client, secret) == (own.session, own.client, own.secret):
                continue
            resume = wire.Resume(session=session, client=client, secret=secret, epoch=epoch, seq=0)
            refused = eve.begin(wire.Open(protocol=1, resume=resume))
            assert ending(eve, refused) in (wire.Close.SESSION_GONE, wire.Close.FORBIDDEN)
            tries += 1
        for ticket in (elements["ada"].ticket, elements["ada"].ticket[:-1], f"{elements['ada'].ticket}x"):
            assert eve.closed_with(eve.open(ticket)) in (wire.Close.TICKET_EXPIRED, wire.Close.FORBIDDEN)
            tries += 1
        assert tries >= 30
        # Names of her models, in his own session, are those of his own models or of none.
        note = attached["ada"].model("note")["id"]
        eve.result(attached["eve"], eve.edit(attached["eve"], change(note, "value", "written by eve")))
        ada = clients["ada"]
        assert ada.result(attached["ada"], ada.set(attached["ada"], "note", "value", "hers")).commit
        assert ada.value(attached["ada"], "note", "value") != "written by eve"
        heard = repr([(each.frames, each.document) for each in eve.attached.values()])
        assert "this is of" in heard
        assert not re.search("this is of '?ada", heard)


def test_s08_frames_for_attachments_that_were_never_let_in_reach_nobody(site: Site) -> None:
    dice = random.Random(8)
    hers = elements_of(site.page("private"), cookies("ada"))[0]
    with Client(hers.endpoint, **cookies("ada")) as ada, Client(hers.endpoint, **cookies("eve")) as eve:
        attached = ada.open(hers.ticket)
        assert attached.opened is not None
        own = eve.open(elements_of(site.page("private"), cookies("eve"))[0].ticket)
        with suppress(ConnectionClosed):
            for number in dice.sample(range(2, 1000), 20):
                nobody = Attached(number, opened=attached.opened, document=attached.document)
                eve.attached[number] = nobody
                eve.set(nobody, "note", "value", "written by eve")
        # Who does such a thing is sent away.
        assert own.document
        assert eve.wait_closed() == wire.Close.BAD_MESSAGE
        ada.result(attached, ada.set(attached, "report", "value", "seen"))
        assert ada.value(attached, "note", "value") != "written by eve"


# S9: what a ticket says was signed.


def test_s09_a_ticket_with_other_arguments_is_refused(site: Site) -> None:
    element = elements_of(site.page("visitor", item="7"), cookies("ada"))[0]
    payload, *signature = element.ticket.rsplit(".", 2)
    said = base64.urlsafe_b64decode(payload.lstrip(".") + "=" * (-len(payload.lstrip(".")) % 4))
    said = zlib.decompress(said) if payload.startswith(".") else said
    assert b'"7"' in said
    changed = base64.urlsafe_b64encode(said.replace(b'"7"', b'"8"')).decode().rstrip("=")
    forged = ".".join([changed, *signature])
    with Client(element.endpoint, **cookies("ada")) as client:
        assert client.closed_with(client.open(forged)) == wire.Close.FORBIDDEN
        assert renewed(element.endpoint, forged, cookies("ada")) is None


def test_s09_every_changed_character_of_a_ticket_is_noticed(site: Site) -> None:
    element = elements_of(site.page("private"), cookies("ada"))[0]
    with Client(element.endpoint, **cookies("ada")) as client:
        # The last character holds some bits that nobody reads.
        for place in range(0, len(element.ticket) - 1, len(element.ticket) // 40 + 1):
            other = "A" if element.ticket[place] != "A" else "B"
            changed = element.ticket[:place] + other + element.ticket[place + 1 :]
            assert client.closed_with(client.open(changed)) == wire.Close.FORBIDDEN, place


def test_s09_a_ticket_is_for_its_user_and_its_time(site: Site) -> None:
    ticket = elements_of(site.page("private"), cookies("ada"))[0].ticket
    endpoint = f"{site.url}/live/"
    old = Tickets(["for tests only"], max_age=300, renewal_age=1, now=lambda: 1_700_000_000)
    expired = old.sign(Grant("private", {}, user_key="ada", nonce="n"))
    for user in ("", "eve"):
        with Client(endpoint, **cookies(user)) as client:
            assert client.closed_with(client.open(ticket)) == wire.Close.TICKET_EXPIRED
        assert renewed(endpoint, ticket, cookies(user)) is None
    with Client(endpoint, **cookies("ada")) as client:
        assert client.closed_with(client.open(expired)) == wire.Close.TICKET_EXPIRED
    assert renewed(endpoint, expired, cookies("ada")) is None


# S10: a ticket opens one session, and a secret is good for one way back.


def test_s10_a_ticket_that_has_opened_a_session_opens_no_other(site: Site) -> None:
    element = elements_of(site.page("private"), cookies("ada"))[0]
    with (
        Client(element.endpoint, **cookies("ada")) as client,
        Client(element.endpoint, **cookies("ada")) as other,
    ):
        assert client.open(element.ticket).document
        assert client.closed_with(client.open(element.ticket)) == wire.Close.TICKET_EXPIRED
        assert other.closed_with(other.open(element.ticket)) == wire.Close.TICKET_EXPIRED
        # A page that was kept by its browser asks for a fresh one, and that opens one session again.
        fresh = renewed(element.endpoint, element.ticket, cookies("ada"))
        assert fresh is not None
        assert other.open(fresh).document
        assert other.closed_with(other.open(fresh)) == wire.Close.TICKET_EXPIRED


def test_s10_of_two_sockets_that_show_a_ticket_at_once_one_gets_in(site: Site) -> None:
    element = elements_of(site.page("private"), cookies("ada"))[0]
    with ExitStack() as stack:
        clients = [stack.enter_context(Client(element.endpoint, **cookies("ada"))) for _ in range(8)]
        attached = [each.begin(wire.Open(protocol=1, ticket=element.ticket)) for each in clients]
        for client, its in zip(clients, attached, strict=True):
            client.wait(lambda client=client, its=its: its.document or client.closed_with(its))
        assert sorted(bool(its.document) for its in attached) == [False] * 7 + [True]


def test_s10_a_page_whose_first_socket_was_cut_opens_with_a_fresh_ticket(site: Site) -> None:
    """Its ticket was used, but it has not heard so."""
    element = elements_of(site.page("private"), cookies("ada"))[0]
    client = Client(element.endpoint, **cookies("ada"))
    client.begin(wire.Open(protocol=1, ticket=element.ticket))
    client.wait(lambda: client.attached[1].opened is not None)
    client.cut()
    with Client(element.endpoint, **cookies("ada")) as again:
        assert again.closed_with(again.open(element.ticket)) == wire.Close.TICKET_EXPIRED
        fresh = renewed(element.endpoint, element.ticket, cookies("ada"))
        assert fresh is not None
        assert again.open(fresh).document


def test_s10_the_secret_of_a_session_changes_each_time_that_it_is_shown(site: Site) -> None:
    client, attached = Client.visit(site.page("private"), **cookies("ada"))
    shown = [attached]
    for _ in range(3):
        client.cut()
        client = Client(client.endpoint, **cookies("ada"))
        shown.append(client.resume(shown[-1]))
        assert shown[-1].opened is not None
    secrets = [each.opened.secret for each in shown if each.opened is not None]
    assert len(set(secrets)) == 4
    with client, Client(client.endpoint, **cookies("ada")) as thief:
        for earlier in shown[:2]:
            assert thief.closed_with(thief.resume(earlier)) == wire.Close.SESSION_GONE
        # Who is in is not disturbed by it.
        assert client.result(shown[-1], client.set(shown[-1], "note", "value", "here")).commit


# S11: for no longer than somebody is logged in.


@pytest.fixture
def cookie_site(site: Site) -> Site:
    """Sites whose users a cookie names; those of Django have logins, and tests of their own."""
    if site.name.startswith("django"):
        pytest.skip("tests/django/test_s11_logins.py tries the logins of Django")
    return site


@pytest.mark.parametrize("what", ["delete", "password"])
def test_s11_who_is_deleted_or_has_another_password_is_out_of_an_open_socket(
    cookie_site: Site, what: str
) -> None:
    client, attached = Client.visit(cookie_site.page("private"), **cookies(f"{what}-me"))
    stays, still = Client.visit(cookie_site.page("private"), **cookies("ada"))
    with client, stays:
        ticket = elements_of(cookie_site.page("private"), cookies(f"{what}-me"))[0].ticket
        fetch(f"{cookie_site.url}/people/{what}/{what}-me")
        assert ending(client, attached) == wire.Close.TICKET_EXPIRED
        assert renewed(client.endpoint, ticket, cookies(f"{what}-me")) is None
        with Client(client.endpoint, **cookies(f"{what}-me")) as again:
            assert again.closed_with(again.resume(attached)) in (
                wire.Close.FORBIDDEN,
                wire.Close.SESSION_GONE,
            )
        assert stays.result(still, stays.set(still, "note", "value", "still here")).commit


def test_s11_a_logout_in_one_tab_closes_the_others_without_a_look(cookie_site: Site) -> None:
    """The cookie would still be good: only the logout itself says that it is over."""
    client, attached = Client.visit(cookie_site.page("private"), **cookies("lea"))
    other, still = Client.visit(cookie_site.page("private"), **cookies("ada"))
    with client, other:
        fetch(f"{cookie_site.url}/leave", cookies("lea"))
        assert ending(client, attached) == wire.Close.TICKET_EXPIRED
        assert other.result(still, other.set(still, "note", "value", "still here")).commit
