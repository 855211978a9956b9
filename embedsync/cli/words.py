"""Options that take several words, as those of ``bokeh serve`` do: ``--exclude-headers Host Accept``."""

from __future__ import annotations

__all__ = ["split_apps", "spread"]

_SEVERAL = {
    "--exclude-headers",
    "--exclude-cookies",
    "--include-headers",
    "--include-cookies",
}

_WATCHED = "--watch"
"""What stands before each word after ``--dev``, which may have none."""


def split_apps(arguments: list[str]) -> tuple[list[str], tuple[str, ...] | None]:
    """Our own arguments, and those after ``--args``, which are for the apps; ``None`` if there is none."""
    if "--args" not in arguments:
        return arguments, None
    at = arguments.index("--args")
    return arguments[:at], tuple(arguments[at + 1 :])


def spread(arguments: list[str]) -> list[str]:
    """Repeat an option that takes several words before each of them."""
    spread_out: list[str] = []
    option = ""
    for each in arguments:
        if each.startswith("-"):
            option = _WATCHED if each == "--dev" else each if each in _SEVERAL else ""
            if each not in _SEVERAL:
                spread_out.append(each)
        elif option:
            spread_out += [option, each]
        else:
            spread_out.append(each)
    return spread_out
