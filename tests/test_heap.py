"""Free memory is given back. In processes of their own, for how many heaps there may be stays so."""

import os
import platform
import subprocess
import sys
from pathlib import Path

import pytest

from embedsync.heap import Heap

pytestmark = pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="this is for glibc")

THREADS = '''
import ctypes, pathlib, tempfile, threading
from embedsync.heap import Heap

def heaps():
    """How many there are, as glibc tells."""
    library = ctypes.CDLL(None)
    library.fopen.restype = ctypes.c_void_p
    with tempfile.TemporaryDirectory() as folder:
        path = pathlib.Path(folder, "heaps")
        file = ctypes.c_void_p(library.fopen(str(path).encode(), b"w"))
        library.malloc_info(0, file)
        library.fclose(file)
        return path.read_text().count("<heap nr=")

Heap.of_this_process().share()
together = threading.Barrier(5)

def take():
    kept = [bytes(2000) for _ in range(1000)]
    together.wait(20)

threads = [threading.Thread(target=take) for _ in range(4)]
for each in threads:
    each.start()
together.wait(20)
print(heaps())
'''

HOLES = '''
from pathlib import Path
from embedsync.heap import Heap

def resident():
    """Pages."""
    return int(Path("/proc/self/statm").read_text().split()[1])

before = resident()
kept = [bytes(2000) for _ in range(20_000)]
full = resident()
del kept[::2], kept[::2], kept[::2], kept[::2]
holes = resident()
Heap.of_this_process().trim()
print(full - before, full - holes, full - resident())
'''


def printed(program: str, **variables: str) -> list[int]:
    """The numbers that a program prints, run by itself."""
    inherited = {name: value for name, value in os.environ.items() if "MALLOC" not in name}
    ended = subprocess.run(
        [sys.executable, "-c", program],
        check=True,
        capture_output=True,
        text=True,
        cwd=Path(__file__).parent.parent,
        env={**inherited, **variables},
        timeout=60,
    )
    return [int(each) for each in ended.stdout.split()]


def test_threads_share_one_heap() -> None:
    assert printed(THREADS) == [1]


@pytest.mark.parametrize(
    "variables", [{"MALLOC_ARENA_MAX": "3"}, {"GLIBC_TUNABLES": "glibc.malloc.arena_max=3"}], ids=str
)
def test_who_has_said_how_many_heaps_there_may_be_is_heard(variables: dict[str, str]) -> None:
    assert printed(THREADS, **variables) == [3]


def test_holes_between_what_is_kept_are_given_back() -> None:
    taken, by_itself, given_back = printed(HOLES)
    assert by_itself < taken / 10
    assert given_back > taken / 2


def test_another_library_is_not_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ctypes.CDLL", lambda name: object())
    assert Heap.of_this_process() is None
