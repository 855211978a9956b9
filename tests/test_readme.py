"""What the README shows works, word for word."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.contract.client import Client
from tests.contract.servers import free_port, own_environment, start

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


def files_of(listing: str) -> dict[str, str]:
    """The parts of a listing, each under the comment that names its file."""
    parts = re.split(r"^# (\S+\.py)\n", listing, flags=re.MULTILINE)
    return dict(zip(parts[1::2], parts[2::2], strict=True))


@pytest.fixture
def django_project(tmp_path: Path) -> Path:
    """What `django-admin startproject` makes, and the README's lines at the end of its files."""
    subprocess.run([sys.executable, "-m", "django", "startproject", "mysite", str(tmp_path)], check=True)
    for name, lines in files_of(block("## In Django", "python")).items():
        with (tmp_path / name).open("a") as file:
            file.write(lines)
    template = re.search(r"in the template `([^`]+)`", README.read_text())
    assert template is not None
    (tmp_path / template[1]).parent.mkdir()
    (tmp_path / template[1]).write_text(block(template[0], "html"))
    (tmp_path / "sliders.py").write_text(block("This one is `sliders.py`", "python"))
    return tmp_path


DJANGO = {
    "runserver": ["manage.py", "runserver", "--noreload", "127.0.0.1:{port}"],
    "daphne": ["-m", "daphne", "--bind", "127.0.0.1", "--port", "{port}", "mysite.asgi:application"],
}


@pytest.fixture(params=list(DJANGO))
def django_site(request: pytest.FixtureRequest, django_project: Path) -> Iterator[str]:
    port = free_port()
    command = [sys.executable, *(each.format(port=port) for each in DJANGO[request.param])]
    with start(command, port, "/live/health", django_project / "log", cwd=django_project) as (url, _):
        yield url


PRODUCTION = {
    "daphne": DJANGO["daphne"],
    "uvicorn": ["-m", "uvicorn", "--port", "{port}", "mysite.asgi:application"],
}


IN_PRODUCTION = {"SECRET_KEY": "known to nobody but the machine of the site, and long enough for it"}


@pytest.fixture
def production_project(django_project: Path) -> Path:
    """The project with the lines for production."""
    pytest.importorskip("whitenoise")
    for name, lines in files_of(block("In production", "python")).items():
        with (django_project / name).open("a") as file:
            file.write(lines)
    return django_project


def manage(project: Path, *command: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "manage.py", *command],
        cwd=project,
        env=own_environment() | IN_PRODUCTION,
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.parametrize("server", list(PRODUCTION))
def test_the_django_example_for_production_serves_its_files(production_project: Path, server: str) -> None:
    assert "embedsync.W009" in manage(production_project, "check", "--deploy").stderr
    assert manage(production_project, "collectstatic", "--noinput").returncode == 0
    assert "embedsync.W" not in manage(production_project, "check", "--deploy").stderr
    port = free_port()
    command = [sys.executable, *(each.format(port=port) for each in PRODUCTION[server])]
    log = production_project / "log"
    with start(command, port, "/live/health", log, cwd=production_project, environment=IN_PRODUCTION) as (
        url,
        _,
    ):
        moves_the_curve(f"{url}/")
        visited = manage(production_project, "live", "doctor", "--url", url)
        assert "Static files are served" in visited.stdout, visited.stderr


def moves_the_curve(url: str) -> None:
    client, attached = Client.visit(url)
    with client:
        assert client.result(attached, client.set(attached, "amplitude", "value", 3)).commit
        client.wait(lambda: attached.ops)


def test_the_flask_example_shows_a_live_app(flask_site: str) -> None:
    moves_the_curve(flask_site)


def test_the_django_example_shows_a_live_app(django_site: str) -> None:
    moves_the_curve(f"{django_site}/")


@pytest.mark.parametrize("command", ["check --fail-level WARNING", "live doctor", "live list"])
def test_the_django_example_is_a_right_set_up(django_project: Path, command: str) -> None:
    ended = manage(django_project, *command.split())
    assert ended.returncode == 0, ended.stderr
    assert "sliders" in ended.stdout or "right" in ended.stdout or "no issues" in ended.stdout


def test_the_serve_example_shows_a_live_app(served: str) -> None:
    moves_the_curve(served)


def test_the_examples_have_at_most_twelve_lines() -> None:
    django = block("## In Django", "python") + block("## In Django", "html")
    for listing in (block("in `app.py`", "python"), django):
        code = [line for line in listing.splitlines() if line and not line.startswith("# ")]
        assert len(code) <= 12


@pytest.mark.parametrize("target", re.findall(r"\]\((?!http)([^)#]+)\)", README.read_text()))
def test_what_the_readme_links_to_exists(target: str) -> None:
    assert (README.parent / target).exists()
