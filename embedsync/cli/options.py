"""What ``embedsync serve`` was asked to do, checked and put into the words of a hub."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from glob import glob
from pathlib import Path
from urllib.parse import urlsplit

from embedsync.errors import ConfigurationError
from embedsync.origins import normalise

__all__ = ["ServeOptions", "hosts_of", "name_apps", "origins_of", "paths_of"]


@dataclass(frozen=True, kw_only=True)
class ServeOptions:
    """The options of the command line; see its help. Times end in their unit where it is not seconds."""

    paths: tuple[str, ...]
    app_arguments: tuple[str, ...] | None
    globs: bool
    dev: bool
    watched: tuple[str, ...]

    port: int | None
    address: str | None
    unix_socket: str | None
    certificate: str | None
    certificate_key: str | None
    use_forwarded: bool
    prefix: str
    allowed_origins: tuple[str, ...]

    show: bool
    icon: str | None
    index: str | None
    disable_index: bool
    disable_index_redirect: bool
    content_policy: str | None
    allow_eval: bool

    authority: str
    session_ids: str | None
    auth_module: str | None
    cookie_secret: str | None
    xsrf_cookies: bool
    include_headers: tuple[str, ...]
    exclude_headers: tuple[str, ...]
    include_cookies: tuple[str, ...]
    exclude_cookies: tuple[str, ...]

    debug: bool
    log_level: str | None
    log_format: str
    log_file: str | None
    config: str | None
    stats_milliseconds: int
    memory_milliseconds: int

    threads: int
    prebuild: int
    accelerate: bool
    grace: float | None
    unused_milliseconds: int | None
    check_unused_milliseconds: int | None
    keep_alive_milliseconds: int | None
    token_expiration: int
    message_bytes: int
    compression_level: int | None
    compression_memory: int | None
    stop_timeout: float
    processes: int


def paths_of(options: ServeOptions) -> tuple[str, ...]:
    """The paths of the apps, with ``--glob`` all that the patterns match.

    Raises:
        ConfigurationError: a pattern matches nothing.
    """
    if not options.globs:
        return options.paths
    found: dict[str, None] = {}
    for pattern in options.paths:
        matches = sorted(glob(pattern))  # noqa: PTH207  (a pattern may be absolute)
        if not matches:
            raise ConfigurationError(f"--glob: nothing matches {pattern!r}")
        found.update(dict.fromkeys(matches))
    return tuple(found)


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
