"""Runs the tests in `inside`, in a process that may import Panel."""

import os
import subprocess
import sys
from pathlib import Path

INSIDE = Path(__file__).parent / "inside"


def test_panel_and_holoviews_work_in_documents_of_embedsync() -> None:
    run = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-p", "no:xdist", str(INSIDE)],
        env={**os.environ, "PANEL_IS_WELCOME": "1"},
        cwd=Path(__file__).parents[2],
        capture_output=True,
        text=True,
        timeout=100,
    )
    assert run.returncode == 0, run.stdout + run.stderr
    assert " passed" in run.stdout
