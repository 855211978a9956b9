"""Scripts that run in Node."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

__all__ = ["Trees", "node"]

_TREES = Path(__file__).with_name("trees.cjs")


def _program() -> str:
    found = shutil.which("node")
    if found is None:
        pytest.skip("Node is not installed")
    return found


def node(script: str) -> Any:
    """Run a module; what it says on its standard output is JSON."""
    command = [_program(), "--input-type=module", "--eval", script]
    return json.loads(subprocess.run(command, check=True, capture_output=True, text=True, timeout=60).stdout)


class Trees:
    """A parser, which says how many comments a module has and what the rest of it means."""

    def __init__(self) -> None:
        # Node's own parser: nothing to install, and written by others.
        command = [_program(), "--expose-internals", str(_TREES)]
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def __call__(self, source: str) -> tuple[int, str]:
        """The number of comments, and the syntax tree as text; what is wrong with the source is raised.

        Raises:
            SyntaxError: it is no module.
        """
        stdin, stdout = self._process.stdin, self._process.stdout
        assert stdin is not None
        assert stdout is not None
        stdin.write(json.dumps(source) + "\n")
        stdin.flush()
        answer = json.loads(stdout.readline())
        if "error" in answer:
            raise SyntaxError(answer["error"])
        return answer["comments"], answer["tree"]

    def close(self) -> None:
        self._process.communicate()
