"""Visits to what `embedsync serve` serves, as pages make them."""

from __future__ import annotations

import re
import ssl
from collections.abc import Mapping
from html import unescape
from pathlib import Path
from textwrap import dedent
from typing import Any

import httpx

from embedsync import wire
from tests.asgi.client import Client, socket_url
from tests.cli.process import Serving


def script(folder: Path, name: str, text: str) -> Path:
    """Write an app that is a script."""
    path = folder / name
    path.write_text(dedent(text))
    return path


def ticket_of(address: str, *, timeout: float = 30, **options: Any) -> str:
    """The ticket on the page at an address.

    Args:
        address: of the page.
        timeout: of the request; a page waits up to 10 s for its app.
        options: for :func:`httpx.get`.
    """
    page = httpx.get(address, timeout=timeout, **options)
    found = re.search(r'<embed-app[^>]* ticket="([^"]*)"', page.text)
    if found is None:
        raise httpx.HTTPError(f"no ticket on {address}: {page.status_code}")
    return unescape(found[1])


def document_of(
    served: Serving, query: str = "", *, app: int = 0, headers: Mapping[str, str] | None = None
) -> str:
    """Open an app as a page does, and return its document's JSON."""
    with Client(socket_url(served.endpoint), headers) as client:
        client.open(ticket_of(f"{served.lines[app]}{query}", headers=headers))
        return bytes(client.wait_for(wire.SnapshotFrame).document).decode()


def refusal_of(served: Serving, ticket: str = "") -> wire.Closed:
    """Open an app, which must be refused; why it was."""
    with Client(socket_url(served.endpoint)) as client:
        client.send(1, wire.Open(protocol=1, ticket=ticket or ticket_of(served.lines[0])))
        return client.wait_for(wire.Closed)


def trusting(certificate: Path) -> ssl.SSLContext:
    """What lets a client trust a certificate that signs itself."""
    return ssl.create_default_context(cafile=certificate)
