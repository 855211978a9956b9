"""F26, F29, F30, F31: messages that were spoilt by chance, through a real hub and the documents' decoder.

Each run of the tests tries the same 20,000; ``make fuzz`` tries 200,000 others each time, and says what came.
"""

from __future__ import annotations

import os
import random
import sys
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from tests.security.fuzzing import Dice, Envelopes, FuzzSite, StockCaller, WireCaller, no_failures, resident
from tests.security.targets import CORPUS, TARGETS

LONG = os.environ.get("FUZZ") == "long"
MIB = 1024 * 1024
TAPE = 32
# Of columns whose lengths differ, which compat allows.
pytestmark = pytest.mark.filterwarnings("ignore::bokeh.util.warnings.BokehUserWarning")


def told(figures: object) -> None:
    """Say what was measured, to those who run it with ``-s``."""
    sys.stdout.write(f"{figures}\n")


@pytest.fixture
def site() -> Iterator[FuzzSite]:
    with no_failures():
        made = FuzzSite()
        yield made
        made.stop()


def tried(attack: Callable[[Dice], Any], *, examples: int, many: int) -> None:
    """Attack so often, by tapes that Hypothesis writes; in the long run by others each time."""
    if LONG:
        seed = random.SystemRandom().randrange(2**32)
        chance = random.Random(seed)
        told(f"\nseed {seed}, {many} times")
        for number in range(many):
            if number == many // 10:
                before = resident()
            attack(Dice(chance.randbytes(TAPE)))
        grown = resident() - before
        told(f"memory after a tenth {before / MIB:.1f} MiB, then {grown / MIB:+.1f} MiB")
        assert grown < 24 * MIB
        return

    @settings(
        max_examples=examples,
        derandomize=True,
        deadline=None,
        database=None,
        phases=[Phase.generate, Phase.shrink],
        suppress_health_check=[*HealthCheck],
    )
    @given(st.binary(min_size=TAPE, max_size=TAPE))
    def tries(tape: bytes) -> None:
        attack(Dice(tape))

    tries()


@pytest.mark.timeout(3600 if LONG else 120)
def test_f26_spoilt_frames_are_answered_with_a_code_and_change_nothing(site: FuzzSite) -> None:
    caller = WireCaller(site)
    tried(lambda dice: caller.send([caller.spoil(dice)]), examples=5_000, many=60_000)
    # Chance has found its way to each end; otherwise this shows nothing.
    told(site.outcomes.most_common())
    assert {"committed", "refused", "no answer", "closed with 4300"} <= site.outcomes.keys()


@pytest.mark.timeout(3600 if LONG else 120)
def test_f29_spoilt_messages_of_bokehs_protocol_are_answered_and_change_nothing(site: FuzzSite) -> None:
    caller = StockCaller(site)
    tried(lambda dice: caller.send(caller.spoil(dice)), examples=3_000, many=40_000)
    told(site.outcomes.most_common())
    assert {"committed", "refused", "closed with 4300"} <= site.outcomes.keys()


@pytest.mark.timeout(3600 if LONG else 120)
@pytest.mark.parametrize("authority", ["closed", "compat"])
def test_f29_spoilt_envelopes_are_refused_whole_or_leave_a_document_that_can_be_shown(authority: str) -> None:
    with no_failures():
        envelopes = Envelopes(authority)
        tried(lambda dice: envelopes.send(*envelopes.spoil(dice)), examples=6_000, many=50_000)
    told(envelopes.outcomes.most_common())
    assert {"committed", "refused: malformed", "refused: bad-value", "refused: unknown-model"} <= set(
        envelopes.outcomes
    )


@pytest.mark.parametrize("target", sorted(TARGETS))
def test_f26_what_coverage_guided_searches_have_kept_breaks_nothing(target: str) -> None:
    """Inputs that each reach something that others don't; what had broken something once is among them."""
    attack, kept = TARGETS[target](), sorted((CORPUS / target).iterdir())
    assert len(kept) >= 10
    for each in kept:
        attack(each.read_bytes())
