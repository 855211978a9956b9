"""One Chromium for all tests of a process, and time enough for a machine that is held up."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from hypothesis import HealthCheck, settings
from playwright.sync_api import Browser, Playwright, expect, sync_playwright

from embedsync import logbook
from tests.support import canaries
from tests.support.chromium import ARGUMENTS, chromium

# How long an example takes, or takes to invent, is a matter of the machine.
settings.register_profile("tests", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("tests")

_PATIENCE = 20_000
"""Milliseconds that a page may take to show what it should: machines that run tests are busy."""
_LONGEST_DELAY = 60.0
"""Seconds after which what a test waits for by the way, an answer or a line of the log, is given up."""


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[Any]) -> Iterator[Any]:
    """A test fails that has printed or logged a ticket, a cookie, the secret of a session, or a key."""
    report = yield
    printed = "\n".join(text for _, text in report.sections)
    if report.passed and (found := canaries.found_in(printed)):
        report.outcome = "failed"
        report.longrepr = f"{', '.join(found)} stands in what was printed:\n{printed}"
    return report


@pytest.fixture(scope="session", autouse=True)
def _delays() -> Iterator[None]:
    """Machines that are held up for a moment are no reason to give up, nor to look into the log too early."""
    with pytest.MonkeyPatch.context() as patch:
        for each in (httpx.get, httpx.head, httpx.options, httpx.post, httpx.Client.__init__):
            patch.setitem(each.__kwdefaults__, "timeout", _LONGEST_DELAY)
        patch.setitem(logbook.Logbook.__init__.__kwdefaults__, "patience", _LONGEST_DELAY)
        patch.setattr(logbook, "_LAST_LINES", _LONGEST_DELAY)
        yield


@pytest.fixture(scope="session")
def playwright() -> Iterator[Playwright]:
    expect.set_options(timeout=_PATIENCE)
    with sync_playwright() as started:
        yield started


@pytest.fixture(scope="session")
def browser(playwright: Playwright) -> Iterator[Browser]:
    launched = playwright.chromium.launch(executable_path=chromium(), args=ARGUMENTS)
    yield launched
    launched.close()
