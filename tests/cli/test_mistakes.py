"""A mistake on the command line is told in one clear line, and by the exit code."""

import subprocess
import sys
from pathlib import Path

import pytest

from embedsync import __version__
from embedsync.cli.listen import listen
from tests.cli.process import TIMEOUT, run


@pytest.fixture
def app(tmp_path: Path) -> Path:
    path = tmp_path / "myapp.py"
    path.write_text("")
    return path


def complaint(*arguments: object) -> str:
    """Run the command, which must fail with one line on standard error, and return that."""
    result = run(*arguments)
    assert result.returncode not in (0, -2), result
    assert result.stdout == ""
    assert result.stderr.count("\n") == 1, result.stderr
    assert result.stderr.startswith("embedsync: ")
    return result.stderr


def test_a_path_that_does_not_exist(tmp_path: Path) -> None:
    assert "nothing.py" in complaint("serve", tmp_path / "nothing.py")


def test_an_app_with_a_syntax_error(app: Path) -> None:
    app.write_text("x = 1\ny = = 2\n")
    told = complaint("serve", app)
    assert "myapp.py" in told
    assert "2" in told


def test_a_port_in_use(app: Path) -> None:
    (taken,) = listen("127.0.0.1", 0)
    with taken:
        port = taken.getsockname()[1]
        told = complaint("serve", app, "--address", "127.0.0.1", "--port", port)
    assert f"port {port} of 127.0.0.1 is in use" in told


def test_a_port_of_localhost_in_use(app: Path) -> None:
    (taken,) = listen("127.0.0.1", 0)
    with taken:
        port = taken.getsockname()[1]
        assert "is in use" in complaint("serve", app, "--port", port)


def test_an_address_of_another_machine(app: Path) -> None:
    assert "no address of this machine" in complaint("serve", app, "--address", "192.0.2.1")


def test_an_unknown_option(app: Path) -> None:
    assert "--prot" in complaint("serve", app, "--prot", "80")


def test_a_port_that_is_none(app: Path) -> None:
    assert "--port" in complaint("serve", app, "--port", "http")


def test_no_app() -> None:
    assert "APP" in complaint("serve")


def test_an_unknown_command() -> None:
    assert "sevre" in complaint("sevre")


def test_two_apps_of_the_same_name(app: Path, tmp_path: Path) -> None:
    other = tmp_path / "other" / "myapp.py"
    other.parent.mkdir()
    other.write_text("")
    told = complaint("serve", app, other)
    assert str(app) in told
    assert str(other) in told


def test_an_origin_that_is_none(app: Path) -> None:
    assert "https://example.org" in complaint("serve", app, "--allow-origin", "https://example.org/page")


def test_a_missing_extra() -> None:
    for module in ("click", "uvicorn", "websockets"):
        code = f"import sys; sys.modules[{module!r}] = None; from embedsync.cli import main; main()"
        result = subprocess.run(
            [sys.executable, "-c", code], capture_output=True, text=True, timeout=TIMEOUT, check=False
        )
        assert result.returncode == 1
        assert result.stderr.count("\n") == 1
        assert module in result.stderr
        assert 'pip install "./embedsync[serve]"' in result.stderr


def test_the_version_is_told() -> None:
    result = run("--version")
    assert (result.returncode, result.stdout) == (0, f"embedsync {__version__}\n")


def test_without_a_command_there_is_help() -> None:
    result = run()
    assert result.returncode == 0
    assert "serve" in result.stdout


def test_the_help_names_every_option() -> None:
    assert "--allow-origin" in run("serve", "--help").stdout
