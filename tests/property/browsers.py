"""Browsers in a Node process: the real ``socket.js`` and ``session.js`` over toy documents.

``browsers.js`` says what it takes and what it tells; one line goes each way.
"""

from __future__ import annotations

import base64
import json
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

__all__ = ["Answer", "Browsers"]

_PROGRAM = Path(__file__).with_name("browsers.js")


class Answer(NamedTuple):
    """What came of some commands.

    Attributes:
        happened: what happened, in order, each a list that begins with a word.
        standing: how each replica stands now, by its number.
    """

    happened: list[list[Any]]
    standing: dict[int, dict[str, Any]]


class Browsers:
    """The process. One serves any number of examples, each of which begins with ``reset``."""

    def __init__(self) -> None:
        node = shutil.which("node")
        assert node is not None, "the browsers of this test run in Node"
        self._process = subprocess.Popen([node, str(_PROGRAM)], stdin=subprocess.PIPE, stdout=subprocess.PIPE)

    def __call__(self, *commands: Sequence[Any]) -> Answer:
        """Give commands, each a name with its arguments; what is wrong with the browsers is raised."""
        stdin, stdout = self._process.stdin, self._process.stdout
        assert stdin is not None
        assert stdout is not None
        stdin.write(json.dumps(commands).encode() + b"\n")
        stdin.flush()
        line = stdout.readline()
        assert line, "the browsers have died; what Node wrote stands above"
        answer = json.loads(line)
        assert "error" not in answer, answer["error"]
        return Answer(answer["happened"], dict(answer["standing"]))

    def close(self) -> None:
        """End the process."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.close()
        self._process.wait()
        self._process.stdout.close()


def written(frame: bytes) -> str:
    """A frame as the process reads it."""
    return base64.b64encode(frame).decode()


def read(frame: str) -> bytes:
    """A frame that the process wrote."""
    return base64.b64decode(frame)
