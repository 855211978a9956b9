"""`--dev`: the server goes on with the files as they are now."""

import signal
import threading
from html import unescape
from pathlib import Path

import httpx
import pytest
from websockets.exceptions import WebSocketException

from embedsync.cli import develop
from embedsync.cli.watching import Watched
from embedsync.errors import ConfigurationError
from tests.asgi.server import until
from tests.cli.process import Serving, serving
from tests.cli.test_mistakes import complaint
from tests.cli.visits import document_of, refusal_of, script

TEXT = """
    from bokeh.io import curdoc
    from bokeh.models import Div

    curdoc().add_root(Div(text="{}"))
    """


@pytest.fixture
def app(tmp_path: Path) -> Path:
    return script(tmp_path, "myapp.py", TEXT.format("before"))


def shows(served: Serving, text: str) -> bool:
    """Whether the app can be opened and holds a text; a server that starts again cuts whoever comes then."""
    try:
        return text in document_of(served)
    except (OSError, httpx.HTTPError, WebSocketException, TimeoutError):
        return False


def test_a_change_is_served_on_the_same_port(app: Path, tmp_path: Path) -> None:
    with serving(tmp_path, "--dev", app) as served:
        assert "before" in document_of(served)
        script(tmp_path, "myapp.py", TEXT.format("after"))
        until(lambda: shows(served, "after"))
        assert served.stop(signal.SIGTERM) == 0
        assert "Traceback" not in served.log


def test_an_app_with_a_syntax_error_says_so_in_its_page_and_goes_on_when_it_is_mended(
    app: Path, tmp_path: Path
) -> None:
    app.write_text("x = 1\ny = = '<2>'\n")
    with serving(tmp_path, app, "--dev") as served:
        answer = httpx.get(served.lines[0], timeout=20)
        assert answer.status_code == 500
        assert "myapp.py" in answer.text
        assert "line 2" in unescape(answer.text)
        assert "<2>" not in answer.text
        script(tmp_path, "myapp.py", TEXT.format("mended"))
        until(lambda: shows(served, "mended"))


def test_what_an_app_raises_is_shown_to_its_author(app: Path, tmp_path: Path) -> None:
    app.write_text("raise ValueError('not in the mood')")
    with serving(tmp_path, app, "--dev") as served:
        assert "not in the mood" in refusal_of(served).detail


def test_files_of_a_directory_and_files_that_are_named_are_watched(tmp_path: Path) -> None:
    folder = tmp_path / "board"
    (folder / "templates").mkdir(parents=True)
    data = tmp_path / "elsewhere" / "data.txt"
    data.parent.mkdir()
    data.write_text("1")
    script(folder, "main.py", "")
    with serving(tmp_path, folder, "--dev", data) as served:
        for file in [folder / "templates" / "style.css", data]:
            file.write_text("2")  # The watcher may find it twice: emptied, and then filled.
            until(lambda: file.name in served.log)  # noqa: B023  (used at once)
        (folder / "notes.txt").write_text("of no interest")
        script(folder, "main.py", "# changed")
        until(lambda: "main.py" in served.log)
        assert "notes.txt" not in served.log


def test_a_server_that_has_died_starts_again_with_the_next_change(app: Path, tmp_path: Path) -> None:
    app.write_text("import os\nos._exit(7)")
    with serving(tmp_path, app, "--dev") as served:
        with pytest.raises(Exception):  # noqa: B017, PT011  (it dies in the middle of whatever it says)
            document_of(served)
        until(lambda: "ended with 7" in served.log)
        script(tmp_path, "myapp.py", TEXT.format("mended"))
        until(lambda: shows(served, "mended"))


def test_what_is_not_there_cannot_be_watched(app: Path, tmp_path: Path) -> None:
    assert "nothing.css" in complaint("serve", app, "--dev", tmp_path / "nothing.css")
    assert "nothing.py" in complaint("serve", "--dev", tmp_path / "nothing.py")


def test_a_machine_that_lets_no_more_files_be_watched_is_told_what_to_change(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def refuse(*folders: Path, **options: object) -> None:
        raise RuntimeError("Error creating recommended watcher: Too many open files (os error 24)")

    monkeypatch.setattr(develop, "watch", refuse)
    with pytest.raises(ConfigurationError, match=r"(?s)os error 24.*max_user_instances"):
        next(develop.changes_of(Watched([tmp_path], []), threading.Event()))
