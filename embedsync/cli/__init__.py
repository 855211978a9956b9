"""The command ``embedsync``. What it needs beyond the core comes with the extra ``serve``."""

from __future__ import annotations

import sys
from typing import NoReturn

__all__ = ["main"]

_OF_THE_EXTRA = ("bokeh", "click", "uvicorn", "websockets")


def main() -> NoReturn:
    """Run the command with the arguments of the process, and exit."""
    try:
        from embedsync.cli.commands import run
    except ModuleNotFoundError as error:
        if error.name not in _OF_THE_EXTRA:
            raise
        sys.stderr.write(
            f"embedsync: the command needs {error.name!r}, which is not installed: "
            'pip install "./embedsync[serve]"\n'
        )
        sys.exit(1)
    sys.exit(run(sys.argv[1:]))
