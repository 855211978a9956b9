"""What people get when they install the distribution."""

import zipfile
from pathlib import Path

import pytest
from hatchling.builders.wheel import WheelBuilder

ROOT = Path(__file__).parent.parent


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> set[str]:
    folder = tmp_path_factory.mktemp("wheel")
    (wheel,) = WheelBuilder(str(ROOT)).build(directory=str(folder), versions=["standard"])
    with zipfile.ZipFile(wheel) as archive:
        return set(archive.namelist())


def test_the_wheel_holds_every_import_package(files: set[str]) -> None:
    packages = [ROOT / "embedsync", *(path.parent for path in ROOT.glob("integrations/*/__init__.py"))]
    for package in packages:
        assert f"{package.name}/__init__.py" in files


def test_the_wheel_holds_the_browser_runtime_and_the_specification(files: set[str]) -> None:
    scripts = (ROOT / "embedsync" / "static").rglob("*.js")
    assert {script.relative_to(ROOT).as_posix() for script in scripts} <= files
    assert {"embedsync/PROTOCOL.md", "embedsync/py.typed"} <= files


def test_the_wheel_holds_nothing_else(files: set[str]) -> None:
    tops = {name.split("/")[0] for name in files}
    assert tops <= {"embedsync", "embedsync_flask", "embedsync_django", "embedsync-0.1.0.dist-info"}
