"""The promises under everything that can happen: real core, hub and browser runtime in one machine."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, settings
from hypothesis.stateful import run_state_machine_as_test

from tests.property.browsers import Browsers
from tests.property.machine import Machine

pytestmark = [pytest.mark.soak, pytest.mark.timeout(0)]


@pytest.fixture(scope="module", autouse=True)
def browsers() -> Iterator[Browsers]:
    logger = logging.getLogger("embedsync")
    level = logger.level
    logger.setLevel(logging.CRITICAL)
    Machine.browsers = Browsers()
    yield Machine.browsers
    Machine.browsers.close()
    logger.setLevel(level)


def test_whatever_happens_browsers_and_server_agree_in_the_end() -> None:
    Machine.seen.clear()
    run_state_machine_as_test(
        Machine,
        settings=settings(
            max_examples=int(os.environ.get("EMBEDSYNC_EXAMPLES", "500")),
            stateful_step_count=100,
            deadline=None,
            print_blob=True,
            suppress_health_check=list(HealthCheck),
        ),
    )
