"""Where hooks write to."""

import os
from pathlib import Path


def note(words):
    """Add a line to a file that outlives all sessions."""
    with (Path(os.environ["COMPAT_NOTES"]) / "hooked").open("a") as lines:
        lines.write(f"{words}\n")
