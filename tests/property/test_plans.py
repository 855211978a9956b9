"""What the machine of test_machine.py has found, each made as short as it gets."""

from __future__ import annotations

import pytest

from tests.property.browsers import Browsers
from tests.property.machine import Machine


@pytest.fixture
def state(browsers: Browsers, monkeypatch: pytest.MonkeyPatch) -> Machine:
    """A machine for the steps of a test; the last one, ``teardown``, judges what has come of them."""
    monkeypatch.setattr(Machine, "browsers", browsers, raising=False)
    return Machine()


def test_a_refusal_that_came_before_the_browser_was_let_in_is_told(state: Machine) -> None:
    state.begin(layout="alone", settings="narrow", begun=False)
    state.time_passes_in_peace(seconds=30.0)
    state.browser_sends_nonsense(replica=0, node=0, nonsense=["value", "x"])
    state.bounce(page=0, server=0, turns=0, browser=0)
    state.two_messages_change_places(page=0, down=True, which=0, turns=1)
    state.teardown()


def test_edits_that_are_all_too_big_are_undone_together(state: Machine) -> None:
    state.begin(layout="a tab alone, two together", settings="narrow", begun=True, guarded=True)
    state.person_writes_too_much(replica=0, node=0, whole=True)
    for _ in range(30):
        state.person_writes_too_much(replica=0, node=0, whole=False)
    state.teardown()
