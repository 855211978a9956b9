"""The register of tickets that have opened a session."""

from __future__ import annotations

from collections.abc import Callable

from embedsync.used_tickets import UsedTickets
from tests.support.clock import Clock


def make(limit: int = 100, on_full: Callable[[], None] = lambda: None) -> tuple[UsedTickets, Clock]:
    clock = Clock()
    return UsedTickets(limit, 300, now=clock, on_full=on_full), clock


def test_a_ticket_is_used_once() -> None:
    used, clock = make()
    assert used.use("a", clock.now)
    assert not used.use("a", clock.now)
    assert used.use("b", clock.now)


def test_a_ticket_that_opened_nothing_may_be_used_again() -> None:
    used, clock = make()
    assert used.use("a", clock.now)
    used.give_back("a")
    assert used.use("a", clock.now)


def test_tickets_are_remembered_for_as_long_as_they_would_open_anything() -> None:
    used, clock = make()
    made = clock.now
    assert used.use("a", made)
    clock.now += 300
    assert not used.use("a", made)
    clock.now += 2
    assert used.use("b", clock.now)
    assert len(used) == 1


def test_no_more_are_remembered_than_the_limit_and_none_opens_twice_all_the_same() -> None:
    told: list[None] = []
    used, clock = make(3, on_full=lambda: told.append(None))
    made = {}
    for name in "abcde":
        clock.now += 1
        made[name] = clock.now
        assert used.use(name, clock.now)
    assert len(used) == 3
    assert len(told) == 2
    assert not any(used.use(name, its) for name, its in made.items())


def test_when_it_is_full_older_tickets_have_to_be_renewed_and_younger_ones_open() -> None:
    used, clock = make(2)
    lying_open = clock.now
    for name in "abc":
        clock.now += 1
        assert used.use(name, clock.now)
    assert not used.use("of a page that lay open", lying_open)
    assert used.use("its fresh one", clock.now)
