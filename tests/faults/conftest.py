"""Each fault on each adapter; what was done and measured is kept for `docs/faults.md`."""

from __future__ import annotations

import inspect
import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.faults.counts import FULL
from tests.faults.report import Figures, Outcome, fault_of, joined_lines, write
from tests.faults.sites import (
    ADAPTERS,
    HASTY,
    PATIENT,
    Census,
    FaultSite,
    serving,
    wait_until,
    wait_until_none,
)

_HERE = Path(__file__).parent
_OUTCOMES: list[Outcome] = []
_STARTED = time.monotonic()
_IN_MEMORY = "in memory"
_LONG = 3600


@pytest.fixture(scope="session", params=list(ADAPTERS))
def patient(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[FaultSite]:
    """A site that waits for long; the same one for all tests."""
    with serving(request.param, tmp_path_factory.mktemp("patient"), PATIENT) as site:
        yield site


@pytest.fixture(scope="session", params=list(ADAPTERS))
def hasty(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[FaultSite]:
    """A site that gives up soon; the same one for all tests."""
    with serving(request.param, tmp_path_factory.mktemp("hasty"), HASTY) as site:
        # What a process builds first takes long, which must not count as code that hangs.
        for app in ("census", "tally", "hanging", "outsized", "pouring"):
            with site.replica(app) as replica:
                replica.wait(lambda each=replica: each.mirror is not None or each.ended_with is not None)
        site.wait_empty()
        yield site


@pytest.fixture(autouse=True)
def baseline(request: pytest.FixtureRequest) -> Iterator[None]:
    """After each test on a site: nobody is left, and nothing of anybody."""
    name = next((each for each in ("patient", "hasty") if each in request.fixturenames), None)
    if name is None:
        yield
        return
    site: FaultSite = request.getfixturevalue(name)
    site.empty_files = site.resources().files + _FILES_KEPT
    yield
    site.wait_empty()
    wait_until(lambda: site.resources().files <= site.empty_files)
    wait_until_none(lambda: left_behind(site.census()))


def left_behind(found: Census) -> str:
    """What is here that nobody needs any more, in words; threads that hang keep their documents."""
    # The socket that asks has a thread of its own on WSGI servers.
    if len(found.strangers) > 1 or found.documents > found.lost + 1:
        return f"threads {found.strangers}, {found.documents - 1} documents, {found.lost} threads that hang"
    return ""


_FILES_KEPT = 2
"""Descriptors that a server may open once and keep, such as those of a loop that starts later."""


@pytest.fixture(params=list(ADAPTERS))
def adapter(request: pytest.FixtureRequest) -> str:
    """For tests that run a server of their own."""
    name: str = request.param
    return name


@pytest.fixture
def figures(request: pytest.FixtureRequest) -> Figures:
    """Takes what a test has measured."""
    noted = Figures()
    request.node.stash[_FIGURES] = noted
    return noted


_FIGURES = pytest.StashKey[Figures]()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if FULL and item.path.is_relative_to(_HERE):
            item.add_marker(pytest.mark.timeout(_LONG))


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[Any]) -> Iterator[Any]:
    report = yield
    fault = fault_of(item.name)
    if fault is not None and item.path.is_relative_to(_HERE) and (call.when == "call" or not report.passed):
        _OUTCOMES.append(_outcome(item, fault, report))
    return report


def pytest_sessionfinish() -> None:
    path = os.environ.get("FAULTS_REPORT")
    if path and _OUTCOMES:
        write(Path(path), _OUTCOMES, time.monotonic() - _STARTED)


def _outcome(item: pytest.Item, fault: int, report: pytest.TestReport) -> Outcome:
    assert isinstance(item, pytest.Function)
    parameters = item.callspec.params if hasattr(item, "callspec") else {}
    adapter = next((v for n, v in parameters.items() if n in ("patient", "hasty", "adapter")), None)
    adapter = adapter or getattr(item.function, "adapter", _IN_MEMORY)
    promise = item.originalname.split("_", 2)[2].replace("_", " ")
    done = joined_lines((inspect.getdoc(item.function) or "").splitlines())
    why = report.longrepr[2].removeprefix("Skipped: ") if report.skipped else ""  # type: ignore[index]
    figures = item.stash.get(_FIGURES, Figures())
    return Outcome(fault, promise, done, adapter, report.outcome, why, figures)
