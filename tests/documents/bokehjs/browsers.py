"""Browsers without pages: the runtime that ships, over the BokehJS that is installed, in Node."""

from __future__ import annotations

import base64
import json
import shutil
import subprocess
from pathlib import Path
from types import TracebackType
from typing import Any

import bokeh

_JS = Path(bokeh.__file__).parent / "server" / "static" / "js"
_SCRIPT = Path(__file__).with_name("browsers.js")

NODE = shutil.which("node")


class Browsers:
    """One Node process with any number of browsers, which do what they are told."""

    def __init__(self) -> None:
        assert NODE is not None, "these tests need Node"
        scripts = [str(_JS / each) for each in ("bokeh.js", "bokeh-widgets.js")]
        self._process = subprocess.Popen(
            [NODE, str(_SCRIPT), *scripts], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        self.reports: list[str] = []
        """What the runtime has told the developer of: nothing, if all is well."""
        self._count = 0

    def __enter__(self) -> Browsers:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.close()
        self._process.stdout.close()
        self._process.wait(60)

    def open(self) -> Browser:
        """A browser more."""
        self._count += 1
        return Browser(self, self._count)

    def step(self, name: str, browser: int, argument: Any = None) -> dict[str, Any]:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps([name, browser, argument]) + "\n")
        self._process.stdin.flush()
        answer: dict[str, Any] = json.loads(self._process.stdout.readline())
        assert answer["error"] is None, answer["error"]
        self.reports += answer["reports"]
        return answer


class Browser:
    """One browser; what it sends is kept in ``outbox``."""

    def __init__(self, browsers: Browsers, number: int) -> None:
        self._browsers = browsers
        self._number = number
        self.outbox: list[bytes] = []
        self._step("open")

    def connect(self) -> None:
        """The network is there."""
        self._step("connect")

    def disconnect(self) -> None:
        """The network is gone, and all that was not delivered with it."""
        self.outbox.clear()
        self._step("disconnect")
        self.outbox.clear()

    def receive(self, *frames: bytes) -> None:
        """Frames of the server have come."""
        self._step("receive", [base64.b64encode(each).decode() for each in frames])

    def act(self, code: str) -> None:
        """Run code of the page, which finds the models by their names, as one task."""
        self._step("act", code)

    def acknowledge(self) -> None:
        """Tell the server how far it is."""
        self._step("acknowledge")

    def state(self) -> dict[str, Any]:
        """What the document holds that is shown."""
        state: dict[str, Any] = self._step("state")["value"]
        return state

    def close(self) -> None:
        """The page goes away."""
        self._step("close")

    def _step(self, name: str, argument: Any = None) -> dict[str, Any]:
        answer = self._browsers.step(name, self._number, argument)
        self.outbox += [base64.b64decode(each) for each in answer["sent"]]
        return answer
