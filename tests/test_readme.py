"""What the README shows works, word for word."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.contract.client import Client
from tests.contract.servers import free_port, start

README = Path(__file__).parents[1] / "README.md"


def block(after: str, language: str) -> str:
    """The first block of code of a language after some words."""
    text = README.read_text()
    found = re.compile(rf"```{language}\n(.*?)```", re.DOTALL).search(text, text.index(after))
    assert found is not None
    return found[1]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "sliders.py").write_text(block("This one is `sliders.py`", "python"))
    (tmp_path / "app.py").write_text(block("in `app.py`", "python"))
    return tmp_path


@pytest.fixture
def flask_site(folder: Path) -> Iterator[str]:
    port = free_port()
    command = [sys.executable, "-m", "flask", "run", "--port", str(port)]
    with start(command, port, "/live/health", folder / "log", cwd=folder) as (url, _):
        yield url


@pytest.fixture
def served(folder: Path) -> Iterator[str]:
    port = free_port()
    [line] = [each for each in block("On its own", "").splitlines() if each.startswith("embedsync serve")]
    arguments = line.replace("--show", f"--port {port}").split()[1:]
    with start(
        [sys.executable, "-m", "embedsync", *arguments], port, "/sliders", folder / "log", cwd=folder
    ) as (url, _):
        yield f"{url}/sliders"


def moves_the_curve(url: str) -> None:
    client, attached = Client.visit(url)
    with client:
        assert client.result(attached, client.set(attached, "amplitude", "value", 3)).commit
        client.wait(lambda: attached.ops)


def test_the_flask_example_shows_a_live_app(flask_site: str) -> None:
    moves_the_curve(flask_site)


def test_the_serve_example_shows_a_live_app(served: str) -> None:
    moves_the_curve(served)


def test_the_flask_example_has_at_most_twelve_lines() -> None:
    assert len([line for line in block("in `app.py`", "python").splitlines() if line]) <= 12


@pytest.mark.parametrize("target", re.findall(r"\]\((?!http)([^)#]+)\)", README.read_text()))
def test_what_the_readme_links_to_exists(target: str) -> None:
    assert (README.parent / target).exists()
