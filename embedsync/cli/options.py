"""What ``embedsync serve`` was asked to do, checked and put into the words of a hub."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from embedsync.errors import ConfigurationError
from embedsync.origins import normalise

__all__ = ["ServeOptions", "name_apps", "origins_of"]


@dataclass(frozen=True, kw_only=True)
class ServeOptions:
    """The options of the command line; see its help."""

    paths: tuple[str, ...]
    app_arguments: tuple[str, ...] | None
    port: int
    address: str
    show: bool
    allowed_origins: tuple[str, ...]
    prefix: str
    authority: str
    debug: bool
    log_level: str
    log_format: str
    threads: int
    grace: float
    stop_timeout: float
    allow_eval: bool
    content_policy: str | None


def name_apps(paths: tuple[str, ...]) -> Mapping[str, Path]:
    """Name each app by its file or directory, as ``bokeh serve`` does.

    Raises:
        ConfigurationError: two have the same name.
    """
    named: dict[str, Path] = {}
    for each in paths:
        path = Path(each)
        resolved = path.resolve()  # So that `.` has a name, too.
        name = resolved.name if resolved.is_dir() else resolved.stem
        if name in named:
            raise ConfigurationError(
                f"{named[name]} and {path} would both be served as /{name}; rename one of them"
            )
        named[name] = path
    return named


def origins_of(allowed: tuple[str, ...]) -> tuple[str, ...]:
    """Origins as the hub takes them; ``host`` and ``host:port`` stand for both of their schemes.

    Raises:
        ConfigurationError: one is no origin.
    """
    found: list[str] = []
    for each in allowed:
        if each == "*":
            found.append(each)
            continue
        candidates = [each] if "://" in each else [f"http://{each}", f"https://{each}"]
        if any(normalise(candidate) is None for candidate in candidates):
            raise ConfigurationError(
                f"--allow-origin {each!r} is no origin; write https://example.org, or example.org:8000"
            )
        found += candidates
    return tuple(found)


def hosts_of(origins: tuple[str, ...]) -> tuple[str, ...]:
    """The names in origins, without port."""
    return tuple(urlsplit(each).hostname or "" for each in origins)
