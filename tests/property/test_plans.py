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


def test_what_is_changed_after_the_end_is_undone_when_the_session_is_opened_again(state: Machine) -> None:
    state.begin()
    state.person_clicks(replica=0, node=0)
    state.person_clicks(replica=0, node=0)
    state.two_messages_change_places(page=0, down=False, which=0, turns=0)
    state.everything_arrives()
    assert state.world.standing[0]["state"] == "stopped"
    state.person_sets(replica=0, node=0, value=1)
    state.teardown()


def test_what_waited_for_a_script_when_the_socket_was_lost_does_not_trouble_the_next_socket(
    state: Machine,
) -> None:
    state.begin()
    state.person_sets(replica=0, node=0, value=8)
    state.everything_arrives()
    state.bounce(page=0, server=0, turns=0, browser=0)
    state.everything_arrives()
    state.the_site_answers(replica=0, which=0, fails=False)
    state.teardown()


def test_what_is_changed_of_the_old_document_when_the_new_one_is_on_its_way_is_lost_and_told(
    state: Machine,
) -> None:
    state.begin(layout="alone")
    state.a_session_is_ended(0, False)
    state.everything_arrives()
    state.a_person_tries_again(replica=0)
    state.traffic(page=0, server=1, turns=2, browser=1)
    state.person_moves_node(replica=0, node=0, other=None)
    state.teardown()
    assert [each.name for each in state.world.history.told[0] if each.name == "rejected"] == ["rejected"]


def test_a_socket_that_the_server_has_given_up_is_not_taken_again(state: Machine) -> None:
    state.begin(layout="two documents on a page", settings="narrow")
    state.person_puts_in(replica=0, node=0, value=0)
    state.person_puts_in(replica=2, node=0, value=4)
    state.traffic(page=1, server=1, turns=4, browser=1)
    for _ in range(5):
        state.app_adds_nodes(which=0, node=0)
    state.traffic(page=0, server=2, turns=0, browser=1)
    state.traffic(page=0, server=1, turns=0, browser=1)
    state.teardown()


def test_an_answer_from_before_the_snapshot_takes_no_model_away(state: Machine) -> None:
    state.begin(layout="alone", settings="short log")
    state.person_adds_node(replica=0, node=0, value=1)
    state.everything_arrives()
    # The first node leaves, and comes back before the browser hears that it has left.
    state.person_adds_node(replica=0, node=0, value=2)
    state.messages_reach_the_server(page=0, count=1)
    state.threads_run_turns(count=1, which=0)
    state.app_brings_node_back(which=0, node=0, away=0)
    for value in range(3):
        state.app_sets(which=0, node=0, value=value)
    state.threads_run_turns(count=4, which=0)
    state.bounce(page=0, server=0, turns=0, browser=0)
    # So the snapshot has it, where the browser shows another that it has just made.
    state.person_adds_node(replica=0, node=0, value=3)
    state.traffic(page=0, server=1, turns=1, browser=3)
    state.app_sets(which=0, node=1, value=9)
    state.teardown()


def test_a_snapshot_that_came_before_the_browser_was_let_in_is_asked_for_again(state: Machine) -> None:
    state.begin(layout="alone")
    state.bounce(page=0, server=0, turns=0, browser=0)
    state.app_sets(which=0, node=0, value=1)
    state.two_messages_change_places(page=0, down=True, which=0, turns=2)
    state.bounce(page=0, server=0, turns=0, browser=1)
    state.two_messages_change_places(page=0, down=True, which=0, turns=2)
    state.teardown()


def test_a_refusal_that_came_before_the_browser_was_let_in_is_told_though_it_waits_for_a_snapshot(
    state: Machine,
) -> None:
    state.begin(layout="alone")
    state.browser_sends_nonsense(replica=0, node=0, nonsense=["value", "x"])
    state.bounce(page=0, server=0, turns=0, browser=0)
    state.app_sets(which=0, node=0, value=1)
    state.two_messages_change_places(page=0, down=True, which=0, turns=2)
    state.bounce(page=0, server=0, turns=0, browser=1)
    state.two_messages_change_places(page=0, down=True, which=1, turns=4)
    state.two_messages_change_places(page=0, down=True, which=0, turns=0)
    state.teardown()
