"""Secrets that tests know of, and that must not stand in anything that a server prints.

Whoever takes a secret in hand, such as a test's browser, plants it here; when a server ends, what it has
printed is looked through for all of them.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

__all__ = ["found_in", "plant", "plant_cookies", "refuse_leaks"]

_LENGTH = 20
"""Characters of a secret that are one too many to show. Shorter ones are not looked for."""

_RUN = re.compile(rf"[\w.\-=]{{{_LENGTH},}}")
_PIECES: dict[str, str] = {}
_KEYS = ("for tests only", "only for tests")
"""With these the sites of the tests sign."""


def plant(what: str, secret: str) -> None:
    """Remember a secret: its beginning and its end, for a log may cut it short on either side."""
    if len(secret) >= _LENGTH:
        _PIECES[secret[:_LENGTH]] = what
        _PIECES[secret[-_LENGTH:]] = what


def plant_cookies(header: str) -> None:
    """Remember the values of a ``Cookie`` header."""
    for each in header.split(";"):
        plant("a cookie", each.partition("=")[2].strip())


def found_in(text: str) -> list[str]:
    """Which secrets stand in a text, or a part of them, each as what it is."""
    found = {f"the key {each!r}" for each in _KEYS if each in text}
    found.update(_PIECES[each] for run in _RUN.findall(text) for each in _parts(run) if each in _PIECES)
    return sorted(found)


def refuse_leaks(printed: str) -> None:
    """Fail if a server has printed a secret."""
    found = found_in(printed)
    assert not found, f"a server has printed {', '.join(found)}:\n{printed}"


def _parts(run: str) -> Iterable[str]:
    return (run[start : start + _LENGTH] for start in range(len(run) - _LENGTH + 1))
