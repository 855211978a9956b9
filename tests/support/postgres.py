"""A PostgreSQL server of one test, where PostgreSQL is installed (``apt-get install postgresql``)."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_ON_DEBIAN = sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)


def program(name: str) -> str | None:
    """Where a program of PostgreSQL's server is; Debian keeps them apart by version."""
    search = os.pathsep.join([os.environ["PATH"], *(str(each) for each in _ON_DEBIAN)])
    return shutil.which(name, path=search)


def is_ready(status: Path) -> bool:
    """Whether the file in which a server says how it is tells that it takes connections."""
    try:
        return status.read_text().splitlines()[7].strip() == "ready"
    except (FileNotFoundError, IndexError):
        return False


@contextmanager
def running() -> Iterator[Path]:
    """Run a server that is reached by a socket in a folder; gives the folder. Its user is ``postgres``."""
    initdb, server = program("initdb"), program("postgres")
    assert initdb is not None
    assert server is not None
    folder = Path(tempfile.mkdtemp(prefix="embedsync-postgres-"))
    # It will not run as root.
    user = "postgres" if os.geteuid() == 0 else None
    if user is not None:
        shutil.chown(folder, user)
    data = folder / "data"
    quick = ["--no-sync", "--auth=trust", "--username=postgres", "--encoding=UTF8", "--no-locale"]
    subprocess.run([initdb, "--pgdata", data, *quick], user=user, check=True, capture_output=True)
    process = subprocess.Popen(
        [server, "-D", data, "-k", folder, "-c", "listen_addresses=", "-c", "fsync=off"],
        user=user,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        # Who comes to its socket before it says so there is sent away: it is still starting.
        while not is_ready(data / "postmaster.pid"):
            assert process.poll() is None, "PostgreSQL does not start"
            time.sleep(0.02)
        yield folder
    finally:
        process.send_signal(signal.SIGINT)  # It ends at once, whoever is connected.
        process.wait(20)
        shutil.rmtree(folder)
