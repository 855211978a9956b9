"""What whoever serves pages may decide about them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from embedsync.app import App

__all__ = ["ENDPOINT", "Icon", "PageOptions"]

ENDPOINT = "_embedsync"
"""The folder below which socket, tickets, scripts and health are, beside the pages."""


@dataclass(frozen=True, slots=True)
class Icon:
    """The picture that browsers show beside a page's title.

    Attributes:
        content: its bytes.
        content_type: such as ``"image/x-icon"``.
    """

    content: bytes
    content_type: str


_OURS = Icon(
    b"<svg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 16 16'>"
    b"<path d='M1 9c3-9 5-9 7 0s4 5 7-4' fill='none' stroke='#2b6985' stroke-width='2'/></svg>",
    "image/svg+xml",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class PageOptions:
    """Decisions about pages.

    Attributes:
        index: whether there is an index at ``/``. Without it pages don't tell which apps there are.
        redirect_index: whether the index of a single app leads to its page.
        render_index: makes the index of the apps, as HTML; ours if ``None``.
        endpoint: what the endpoint is called, for pages whose sockets are to come back to this process.
        generation: names this start of the server. If there is one, pages load themselves again as soon as
            the server has another.
        fault: why no app can be served; told by every page in place of what is there.
        icon: served as ``/favicon.ico``; none if ``None``.
    """

    index: bool = True
    redirect_index: bool = True
    render_index: Callable[[Sequence[App]], str] | None = None
    endpoint: str = ENDPOINT
    generation: str = ""
    fault: str = ""
    icon: Icon | None = _OURS
