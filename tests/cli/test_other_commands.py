"""The commands beside `embedsync serve`."""

import re
import subprocess
import sys
from pathlib import Path

from tests.cli.process import TIMEOUT, environment, run, serving
from tests.cli.visits import document_of, script


def test_a_secret_is_long_and_new_and_signs(tmp_path: Path) -> None:
    first, second = run("secret").stdout.strip(), run("secret").stdout.strip()
    assert re.fullmatch("[A-Za-z0-9]{44}", first)
    assert first != second
    app = script(tmp_path, "myapp.py", "")
    arguments = ("--session-ids", "signed")
    with serving(tmp_path, app, *arguments, variables={"BOKEH_SECRET_KEY": first}) as served:
        document_of(served)


def test_info_tells_what_is_installed() -> None:
    told = run("info").stdout
    for each in ("embedsync", "python", "bokeh", "uvicorn"):
        assert re.search(rf"^{each} +\d", told, re.MULTILINE)


def test_shells_can_complete_commands_and_options() -> None:
    code = "import sys; sys.argv[0] = 'embedsync'; from embedsync.cli import main; main()"
    command = [sys.executable, "-c", code]
    asked = {"_EMBEDSYNC_COMPLETE": "bash_complete", "COMP_WORDS": "embedsync serve --ssl", "COMP_CWORD": "2"}
    answer = subprocess.run(
        command, env=environment(asked), capture_output=True, text=True, timeout=TIMEOUT, check=False
    )
    assert answer.stdout.splitlines() == ["plain,--ssl-certfile", "plain,--ssl-keyfile"]
