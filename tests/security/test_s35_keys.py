"""S35: keys change without anybody noticing, and the newest one signs (Flask CVE-2025-47278)."""

from __future__ import annotations

import threading
import time

import pytest
from flask import Flask

from embedsync import Hub
from embedsync.errors import TicketInvalid
from embedsync.stock.tokens import Tokens
from embedsync.tickets import Tickets
from embedsync_flask.config import secret_keys
from tests.support.memory import ToyRecipe

OLD, NEW, NEXT = "the old key", "the new key", "the next key"


def hub_of(*keys: str) -> Hub:
    hub = Hub(keys)
    hub.add_app("toy", ToyRecipe())
    return hub


def reader_of(*keys: str) -> Tickets:
    return Tickets(keys, max_age=300, renewal_age=300, now=time.time)


def test_s35_the_newest_key_signs_and_the_older_ones_are_accepted() -> None:
    ticket = hub_of(OLD, NEW).ticket("toy")
    assert reader_of(NEW).read(ticket).app == "toy"
    with pytest.raises(TicketInvalid):
        reader_of(OLD).read(ticket)
    assert reader_of(OLD, NEW, NEXT).read(hub_of(OLD).ticket("toy")).app == "toy"
    with pytest.raises(TicketInvalid):
        reader_of(NEW, NEXT).read(hub_of(OLD).ticket("toy"))


def test_s35_the_newest_key_signs_for_stock_clients_as_well() -> None:
    tokens = Tokens([OLD, NEW], max_age=300, now=time.time)
    token = tokens.make(tokens.new_session(), {}, "")
    assert Tokens([NEW], max_age=300, now=time.time).is_signed(token)
    assert not Tokens([OLD], max_age=300, now=time.time).is_signed(token)


def test_s35_the_fallbacks_of_flask_never_sign() -> None:
    app = Flask(__name__)
    app.config.update(SECRET_KEY=NEW, SECRET_KEY_FALLBACKS=[OLD])
    assert secret_keys(app)[-1] == NEW
    assert reader_of(NEW).read(Hub(secret_keys(app))._tickets.sign(_grant())).app == "toy"


def test_s35_keys_are_changed_under_load_and_no_ticket_is_refused() -> None:
    """Processes are replaced one by one: some know the new key already, and tickets go to and fro."""
    stages = [(OLD,), (OLD, NEW), (OLD, NEW), (NEW,), (NEW, NEXT)]
    fleet = [reader_of(OLD, NEW), reader_of(OLD)]
    refused: list[str] = []
    stop = threading.Event()

    def visit() -> None:
        while not stop.is_set():
            made = fleet[0].sign(_grant())
            for each in fleet:
                try:
                    each.read(made)
                except TicketInvalid:
                    refused.append(made)

    # The new key is given out to be accepted before it signs: it stands before the old one at first.
    fleet[:] = [reader_of(NEW, OLD), reader_of(OLD)]
    threads = [threading.Thread(target=visit) for _ in range(4)]
    for each in threads:
        each.start()
    for keys in ((NEW, OLD), (OLD, NEW), (OLD, NEW)):
        for place in (1, 0):
            fleet[place] = reader_of(*keys)
            time.sleep(0)
    stop.set()
    for each in threads:
        each.join()
    assert refused == []
    assert stages


def _grant():  # type: ignore[no-untyped-def]
    from embedsync.tickets import Grant

    return Grant("toy", {}, nonce="n")
