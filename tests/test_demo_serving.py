"""`make demo`: both sites start together, say where they are, and end together."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from contextlib import suppress
from pathlib import Path

import pytest

from tests.contract.client import Client
from tests.contract.servers import ROOT, free_port, own_environment

TIMEOUT = 60


class Demo:
    """The command, in a process group of its own, as a terminal would start it."""

    def __init__(self, folder: Path, flask_port: int, django_port: int) -> None:
        ports = ["--flask-port", str(flask_port), "--django-port", str(django_port)]
        variables = {"DATABASE_URL": f"sqlite:///{folder / 'demo.sqlite3'}", "PYTHONPATH": str(ROOT)}
        self.errors = folder / "errors"
        with self.errors.open("w") as errors:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "demo_site", *ports],
                cwd=ROOT,
                env=own_environment() | variables,
                stdout=subprocess.PIPE,
                stderr=errors,
                text=True,
                start_new_session=True,
            )

    def lines(self, count: int) -> list[str]:
        assert self.process.stdout is not None
        return [self.process.stdout.readline().rstrip("\n") for _ in range(count)]

    def press_control_c(self) -> None:
        os.killpg(self.process.pid, signal.SIGINT)

    def wait(self) -> tuple[int, str]:
        """The exit code, and what was written to standard error; nothing may be left in the group."""
        code = self.process.wait(TIMEOUT)
        with pytest.raises(ProcessLookupError):
            os.killpg(self.process.pid, 0)
        return code, self.errors.read_text()

    def __enter__(self) -> Demo:
        return self

    def __exit__(self, *error: object) -> None:
        with suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        with self.process:
            self.process.wait()


def answer(url: str) -> str:
    with urllib.request.urlopen(url, timeout=TIMEOUT) as response:
        text: str = response.read().decode()
    return text


def test_both_sites_say_where_they_are_and_control_c_ends_them_though_pages_are_open(tmp_path: Path) -> None:
    flask_port, django_port = free_port(), free_port()
    with Demo(tmp_path, flask_port, django_port) as demo:
        assert demo.lines(3) == [
            f"The Flask site:   http://127.0.0.1:{flask_port}",
            f"The Django site:  http://127.0.0.1:{django_port}",
            "Ctrl-C stops them.",
        ]
        assert "Live in Flask" in answer(f"http://127.0.0.1:{flask_port}")
        assert "Live in Django" in answer(f"http://127.0.0.1:{django_port}")
        pages = [Client.visit(f"http://127.0.0.1:{port}/sliders")[0] for port in (flask_port, django_port)]
        demo.press_control_c()
        assert demo.wait() == (0, "")
        for each in pages:
            each.close()


def test_control_c_while_they_start_leaves_nothing_behind(tmp_path: Path) -> None:
    flask_port = free_port()
    with Demo(tmp_path, flask_port, free_port()) as demo:
        deadline = time.monotonic() + TIMEOUT
        while not is_listening(flask_port):
            assert time.monotonic() < deadline
            time.sleep(0.01)
        demo.press_control_c()
        assert demo.wait() == (0, "")


@pytest.mark.parametrize("taken", ["Flask", "Django"])
def test_a_port_that_is_taken_is_told_in_one_line(tmp_path: Path, taken: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        ports = {"Flask": free_port(), "Django": free_port(), taken: other.getsockname()[1]}
        with Demo(tmp_path, ports["Flask"], ports["Django"]) as demo:
            code, errors = demo.wait()
    assert code == 1
    assert errors.count("\n") == 1
    assert errors.startswith(f"The {taken} site cannot have port {ports[taken]}: Address already in use.")


def test_when_one_site_ends_the_other_ends_too(tmp_path: Path) -> None:
    with Demo(tmp_path, free_port(), free_port()) as demo:
        demo.lines(3)
        children = Path(f"/proc/{demo.process.pid}/task/{demo.process.pid}/children").read_text().split()
        assert len(children) == 2
        os.kill(int(children[1]), signal.SIGKILL)
        assert demo.wait() == (1, "The Django site has ended by itself, with exit code -9.\n")


def is_listening(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0
