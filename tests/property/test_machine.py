"""The promises under everything that can happen: real core, hub and browser runtime in one machine."""

from __future__ import annotations

import os

import pytest
from hypothesis import HealthCheck, settings
from hypothesis.internal.conjecture import providers
from hypothesis.internal.constants_ast import Constants
from hypothesis.stateful import run_state_machine_as_test

from tests.property.browsers import Browsers
from tests.property.machine import DRASTIC, Machine

EXAMPLES = 500
"""So many are enough for everything below to happen."""

HAPPENS = {
    *DRASTIC,
    "a callback raised",
    "a change was applied",
    "a change was merged",
    "a change was refused",
    "a change was skipped",
    "a change was superseded",
    "a change was too big",
    "a grace was over",
    "a message came twice",
    "a node came back",
    "a replica was poisoned",
    "a turn went on after it had waited",
    "a writer was asked for",
    "an app streamed",
    "app code raised",
    "cut in a message",
    "cut with frames under way",
    "cut, known to the server, known to the browser",
    "cut, known to the server, unknown to the browser",
    "cut, unknown to the server, known to the browser",
    "cut, unknown to the server, unknown to the browser",
    "let in, with a snapshot",
    "resumed without a gap",
    "told: restored",
    "two messages changed places",
}


# The same examples in each run, so that what somebody changes is judged by what is not there without the
# change: chance would find, now and then, what has been there for long. For chance there is `make soak`.
@pytest.mark.timeout(900)
def test_whatever_happens_browsers_and_server_agree_in_the_end(
    browsers: Browsers, monkeypatch: pytest.MonkeyPatch
) -> None:
    _run(browsers, monkeypatch, EXAMPLES, by_chance=False)


@pytest.mark.soak
@pytest.mark.timeout(0)
def test_whatever_else_happens_they_agree_as_well(
    browsers: Browsers, monkeypatch: pytest.MonkeyPatch
) -> None:
    examples = int(os.environ.get("EMBEDSYNC_EXAMPLES", "5000"))
    _run(browsers, monkeypatch, examples, by_chance=True)


def _run(browsers: Browsers, monkeypatch: pytest.MonkeyPatch, examples: int, *, by_chance: bool) -> None:
    monkeypatch.setattr(Machine, "browsers", browsers, raising=False)
    Machine.seen.clear()
    if not by_chance:
        # Hypothesis also tries the numbers that it finds in whatever code is loaded, which changes from one
        # commit, and one run beside other tests, to the next.
        monkeypatch.setattr(providers, "_get_local_constants", Constants)
        monkeypatch.setattr(providers, "CONSTANTS_CACHE", {})
    run_state_machine_as_test(
        Machine,
        settings=settings(
            max_examples=examples,
            stateful_step_count=100,
            derandomize=not by_chance,
            deadline=None,
            print_blob=True,
            suppress_health_check=list(HealthCheck),
        ),
    )
    never = {what for what in HAPPENS if not Machine.seen[what]}
    assert examples < EXAMPLES or not never, f"the run is too easy: {sorted(never)} never happened"
