"""Which headers and cookies of a visit apps are shown: ``--include-…`` and ``--exclude-…``."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace

from embedsync.cli.options import ServeOptions
from embedsync.errors import ConfigurationError
from embedsync.request import Request

__all__ = ["shown_request"]

_Choice = Callable[[str], bool]


def shown_request(options: ServeOptions) -> Callable[[Request], Request] | None:
    """What makes the request that apps are shown; ``None`` if they are shown everything.

    Names of headers are compared without regard to case. The header ``Cookie`` is left out as soon as
    anything is, unless it is included by name: cookies have their own options.

    Raises:
        ConfigurationError: both lists of one kind are given.
    """
    headers = _choice("headers", options.include_headers, options.exclude_headers, str.lower)
    cookies = _choice("cookies", options.include_cookies, options.exclude_cookies, str)
    if headers is None and cookies is None:
        return None
    with_cookie_header = "cookie" in (each.lower() for each in options.include_headers)

    def shown(request: Request) -> Request:
        left = _chosen(request.headers, headers)
        if not with_cookie_header:
            left = {name: value for name, value in left.items() if name != "Cookie"}
        return replace(request, headers=left, cookies=_chosen(request.cookies, cookies), framework=None)

    return shown


def _choice(
    kind: str, included: tuple[str, ...], excluded: tuple[str, ...], spelling: Callable[[str], str]
) -> _Choice | None:
    if included and excluded:
        raise ConfigurationError(f"--include-{kind} and --exclude-{kind} cannot both be given; choose one")
    names = frozenset(spelling(each) for each in included or excluded)
    if not names:
        return None
    return (lambda name: spelling(name) in names) if included else (lambda name: spelling(name) not in names)


def _chosen(values: Mapping[str, str], choice: _Choice | None) -> dict[str, str]:
    return {name: value for name, value in values.items() if choice is None or choice(name)}
