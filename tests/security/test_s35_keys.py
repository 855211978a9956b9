"""S35: keys change without anybody noticing, and the newest one signs (Flask CVE-2025-47278)."""

from __future__ import annotations

import threading
import time

import pytest
from flask import Flask

from embedsync import Hub
from embedsync.errors import TicketInvalid
from embedsync.stock.tokens import Tokens
from embedsync.tickets import Grant, Tickets
from embedsync_flask.config import secret_keys
from tests.support.memory import ToyRecipe, wait_until

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
    token = tokens.make(tokens.new_session(), "app", {}, "")
    assert Tokens([NEW], max_age=300, now=time.time).is_signed(token)
    assert not Tokens([OLD], max_age=300, now=time.time).is_signed(token)


def test_s35_the_fallbacks_of_flask_never_sign() -> None:
    app = Flask(__name__)
    app.config.update(SECRET_KEY=NEW, SECRET_KEY_FALLBACKS=[OLD])
    assert secret_keys(app)[-1] == NEW
    hub = Hub(secret_keys(app))
    hub.add_app("toy", ToyRecipe())
    assert reader_of(NEW).read(hub.ticket("toy")).app == "toy"


def test_s35_keys_are_changed_under_load_and_no_ticket_is_refused() -> None:
    """Processes are replaced one by one, and each reads what the others sign meanwhile."""
    steps = [[OLD], [NEW, OLD], [OLD, NEW], [NEW]]
    fleet = [reader_of(*steps[0]) for _ in range(3)]
    read, refused = [0], [0]
    stopped = threading.Event()

    def visit() -> None:
        while not stopped.is_set():
            # A page is made by one of them, and opened at another, maybe after a step.
            ticket = fleet[0].sign(Grant("toy", {}, nonce="n"))
            for each in list(fleet):
                try:
                    each.read(ticket)
                    read[0] += 1
                except TicketInvalid:
                    refused[0] += 1

    visitors = [threading.Thread(target=visit) for _ in range(4)]
    for each in visitors:
        each.start()
    for keys in steps[1:-1]:
        for place in range(len(fleet)):
            before = read[0]
            fleet[place] = reader_of(*keys)
            wait_until(lambda before=before: read[0] > before + 20)
    stopped.set()
    for each in visitors:
        each.join()
    assert refused == [0]
    # The old key is taken away when its last ticket is too old: what was signed since needs it no more.
    assert reader_of(*steps[-1]).read(fleet[0].sign(Grant("toy", {}, nonce="n"))).app == "toy"
