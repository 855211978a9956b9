"""``--ico-path``: the author's own icon, or none."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from embedsync.asgi.page_options import Icon, PageOptions
from embedsync.errors import ConfigurationError

__all__ = ["with_icon"]


def with_icon(options: PageOptions, path: str | None) -> PageOptions:
    """The options of pages, with another icon.

    Args:
        options: for pages.
        path: of an ``.ico`` file; ``"none"`` for none; ``None`` for ours.

    Raises:
        ConfigurationError: the file cannot be read.
    """
    if path is None:
        return options
    if path == "none":
        return replace(options, icon=None)
    try:
        content = Path(path).read_bytes()
    except OSError as error:
        raise ConfigurationError(f"--ico-path {path}: {error.strerror}") from error
    return replace(options, icon=Icon(content, "image/x-icon"))
