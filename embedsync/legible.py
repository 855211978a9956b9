"""What strangers have written, in a form that fits into a line of a log."""

from __future__ import annotations

__all__ = ["legible"]

_MOST = 300


def legible(text: object) -> str:
    """Text for a log: on one line, without what a terminal would obey, and not long.

    Args:
        text: anything whose ``str`` may hold what a browser, or whoever poses as one, has sent.
    """
    whole = str(text)
    escaped = "".join(
        each if each.isprintable() else each.encode("unicode_escape").decode() for each in whole[:_MOST]
    )
    if len(whole) <= _MOST and len(escaped) <= _MOST:
        return escaped
    return f"{escaped[:_MOST]}… ({len(whole)} characters)"
