"""The Django site of the demonstration, in a process of its own, with a database of its own."""

from __future__ import annotations

import re
import sqlite3
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tests.contract.servers import ROOT, own_environment

PASSWORDS = {"ada": "engine", "grace": "compiler"}


def manage(*command: str, **variables: str) -> subprocess.CompletedProcess[str]:
    """Run a command of the site's ``manage.py``, in which warnings are errors."""
    return subprocess.run(
        [sys.executable, "-W", "error", "-m", "demo_site.django_site.manage", *command],
        cwd=ROOT,
        env=own_environment() | variables,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


class Database:
    """A new database of the site, in a folder."""

    def __init__(self, folder: Path) -> None:
        self.file = folder / "demo.sqlite3"
        self.url = f"sqlite:///{self.file}"
        self.prepare()

    def prepare(self) -> None:
        prepared = manage("prepare_demo", DATABASE_URL=self.url)
        assert (prepared.returncode, prepared.stdout, prepared.stderr) == (0, "", ""), prepared.stderr

    def query(self, statement: str, values: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        """Ask the database itself, past Django."""
        connection = sqlite3.connect(self.file)
        try:
            return connection.execute(statement, values).fetchall()
        finally:
            connection.close()

    def tank(self, name: str, column: str) -> Any:
        """What the table says of a tank; ``None`` if it is not there."""
        found = self.query(f"SELECT {column} FROM cellar_tank WHERE name = ?", [name])
        return found[0][0] if found else None


def django_site(port: int) -> list[str]:
    """The command that serves the site, as ``make demo`` does."""
    return [
        sys.executable, "-m", "uvicorn", "--port", str(port), "--log-level", "warning",
        "demo_site.django_site.asgi:application",
    ]  # fmt: skip


def csrf_token(page: str) -> str:
    """What a form of a page sends along."""
    found = re.search(r'name="csrfmiddlewaretoken" value="(\w+)"', page)
    assert found is not None
    return found[1]
