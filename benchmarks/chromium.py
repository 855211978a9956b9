"""A real browser, for what only a browser does: it finds out which files a page needs."""

from __future__ import annotations

import asyncio
import base64
import gzip
import os
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

from playwright.async_api import Browser, CDPSession, async_playwright

__all__ = ["Loaded", "chromium", "load"]

PATIENCE = 60.0
"""Seconds after which a plot that is not there is said to be missing."""
_NOTE_DRAWING = """
const stroke = CanvasRenderingContext2D.prototype.stroke
CanvasRenderingContext2D.prototype.stroke = function (...given) {
  if (this.canvas.width > 100 && this.canvas.isConnected) window.plotIsDrawn()
  return stroke.apply(this, given)
}
"""


@dataclass(frozen=True)
class Loaded:
    """Bytes that came until the first plot was drawn.

    Attributes:
        sent: as the server has sent them; of a socket's messages, what they hold.
        compressed: the same, but what was sent as it is, an answer or a message, counts as what gzip makes of
            it, as a proxy in front would.
        files: bytes as they count in ``compressed``, by URL.
    """

    sent: int
    compressed: int
    files: dict[str, int]


@asynccontextmanager
async def chromium() -> AsyncIterator[Browser]:
    """The browser that the tests take.

    Raises:
        RuntimeError: there is none.
    """
    path = os.environ.get("CHROMIUM") or shutil.which("chromium") or shutil.which("chromium-browser")
    if path is None:
        raise RuntimeError("Chromium is missing: apt-get install chromium, or name it with CHROMIUM=…")
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=path, args=["--no-sandbox"])
        yield browser
        await browser.close()


async def load(browser: Browser, url: str) -> Loaded:
    """Load a page as somebody does who was never there, until a plot is drawn."""
    context = await browser.new_context()
    page = await context.new_page()
    drawn = asyncio.Event()
    await page.expose_function("plotIsDrawn", drawn.set)
    await page.add_init_script(_NOTE_DRAWING)
    network = _Network(await context.new_cdp_session(page))
    await network.listen()
    await page.goto(url)
    async with asyncio.timeout(PATIENCE):
        await drawn.wait()
    loaded = await network.loaded()
    await context.close()
    return loaded


class _Network:
    """Notes what comes over the network."""

    def __init__(self, session: CDPSession) -> None:
        self._session = session
        self._answers: dict[str, dict[str, Any]] = {}
        self._lengths: dict[str, int] = {}
        self._messages: list[bytes] = []

    async def listen(self) -> None:
        self._session.on("Network.responseReceived", self._answered)
        self._session.on("Network.loadingFinished", self._finished)
        self._session.on("Network.webSocketFrameReceived", self._message)
        await self._session.send("Network.enable")

    def _answered(self, event: dict[str, Any]) -> None:
        self._answers[event["requestId"]] = event["response"]

    def _finished(self, event: dict[str, Any]) -> None:
        self._lengths[event["requestId"]] = int(event["encodedDataLength"])

    def _message(self, event: dict[str, Any]) -> None:
        frame = event["response"]
        data = frame["payloadData"]
        self._messages.append(base64.b64decode(data) if frame["opcode"] == 2 else data.encode())

    async def loaded(self) -> Loaded:
        """All that has come so far."""
        lengths, messages = dict(self._lengths), list(self._messages)
        sizes = await asyncio.gather(*(self._compressed(each, length) for each, length in lengths.items()))
        files = {self._answers[each]["url"]: size for each, size in zip(lengths, sizes, strict=True)}
        files["messages"] = sum(_compressed(each) for each in messages)
        sent = sum(lengths.values()) + sum(len(each) for each in messages)
        return Loaded(sent, sum(files.values()), files)

    async def _compressed(self, request: str, length: int) -> int:
        headers = {name.lower() for name in self._answers[request]["headers"]}
        if "content-encoding" in headers:
            return length
        body = await self._session.send("Network.getResponseBody", {"requestId": request})
        content = base64.b64decode(body["body"]) if body["base64Encoded"] else body["body"].encode()
        return length - len(content) + _compressed(content)


def _compressed(content: bytes) -> int:
    return min(len(content), len(gzip.compress(content, compresslevel=9)))
