import pytest

from embedsync.errors import ConfigurationError, TicketExpired, TicketInvalid
from embedsync.tickets import Grant, Tickets, encode_arguments
from tests.support.clock import Clock


def tickets(*keys: str, clock: Clock | None = None) -> Tickets:
    return Tickets(keys or ("key",), max_age=60, renewal_age=3600, now=clock or Clock())


GRANT = Grant("app", {"symbol": ["AAPL"]}, "room", "ada", "n")


def test_a_ticket_grants_what_was_signed() -> None:
    assert tickets().read(tickets().sign(GRANT)) == GRANT


def test_a_ticket_expires() -> None:
    clock = Clock()
    ticket = tickets(clock=clock).sign(GRANT)
    clock.now += 61
    with pytest.raises(TicketExpired):
        tickets(clock=clock).read(ticket)


def test_every_flipped_character_makes_a_ticket_invalid() -> None:
    ticket = tickets().sign(GRANT)
    for at, character in enumerate(ticket):
        altered = ticket[:at] + ("A" if character != "A" else "B") + ticket[at + 1 :]
        try:
            assert tickets().read(altered) == GRANT, "only bits that base64 ignores may differ"
        except TicketInvalid:
            continue


def test_a_ticket_of_another_key_is_invalid() -> None:
    with pytest.raises(TicketInvalid):
        tickets("other").read(tickets().sign(GRANT))


def test_the_newest_key_signs_and_all_are_accepted() -> None:
    rotated = tickets("key", "newer")
    assert rotated.read(tickets().sign(GRANT)) == GRANT
    assert tickets("newer").read(rotated.sign(GRANT)) == GRANT
    with pytest.raises(TicketInvalid):
        tickets().read(rotated.sign(GRANT))


def test_an_expired_ticket_is_renewed_for_its_user_only() -> None:
    clock = Clock()
    ticket = tickets(clock=clock).sign(GRANT)
    clock.now += 600
    assert tickets(clock=clock).read(tickets(clock=clock).renew(ticket, "ada")) == GRANT
    with pytest.raises(TicketInvalid):
        tickets(clock=clock).renew(ticket, "eve")
    clock.now += 4000
    with pytest.raises(TicketExpired):
        tickets(clock=clock).renew(ticket, "ada")


@pytest.mark.parametrize("keys", [(), ("",), ("good", "")])
def test_without_a_key_there_are_no_tickets(keys: tuple[str, ...]) -> None:
    with pytest.raises(ConfigurationError, match="secret key"):
        Tickets(keys, max_age=1, renewal_age=1, now=Clock())


def test_arguments_become_lists_of_text() -> None:
    given = {"text": "a", "number": 3, "flag": True, "many": ["a", 2], "map": {"x": 1}, "none": None}
    assert encode_arguments(given) == {
        "text": ["a"],
        "number": ["3"],
        "flag": ["true"],
        "many": ["a", "2"],
        "map": ['{"x": 1}'],
    }


@pytest.mark.parametrize("value", [object(), float("nan"), {1, 2}])
def test_an_argument_that_cannot_be_carried_is_named(value: object) -> None:
    with pytest.raises(ConfigurationError, match="argument 'symbol'"):
        encode_arguments({"symbol": value})
