"""S31: tracebacks are for who develops, on a machine of their own."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from embedsync.cli.running import warn_of_strangers


def options(**given: Any) -> Any:
    return SimpleNamespace(address="0.0.0.0", authority="closed", **given)


def test_s31_cve_2024_34069_who_shows_tracebacks_to_a_network_is_warned(
    caplog: pytest.LogCaptureFixture,
) -> None:
    warn_of_strangers(options(debug=True))
    assert "everybody who can reach 0.0.0.0 is shown tracebacks of these apps" in caplog.text
    assert "--debug" in caplog.text


def test_s31_who_shows_none_is_not(caplog: pytest.LogCaptureFixture) -> None:
    warn_of_strangers(options(debug=False))
    assert "tracebacks" not in caplog.text
