"""What is asked of the interpreter for live documents, and that it is left as it was found."""

import ctypes
import gc
import os
import platform
import subprocess
import sys
import threading
import weakref
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from embedsync import Hub, Settings
from embedsync.heap import Heap
from embedsync.interpreter import INTERVAL, Interpreter
from embedsync.request import Request
from embedsync.scheduler import Timer
from tests.support import memory

ROOT = Path(__file__).parent.parent
glibc = pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="only glibc gives memory back")


class Process:
    """An interpreter whose timer and threads are the test's."""

    def __init__(self, heap: Heap | None = None) -> None:
        self.idle = False
        self.timers: list[Timer] = []
        self.interpreter = Interpreter(self.call_later, lambda function: function(), lambda: self.idle, heap)

    def call_later(self, seconds: float, call: Callable[[], None]) -> Timer:
        self.timers.append(Timer(seconds, call))
        return self.timers[-1]

    def look(self) -> None:
        call = self.timers.pop().call
        assert call is not None
        call()


class Ring:
    """Garbage that only the collector frees."""

    def __init__(self) -> None:
        self.me = self


@pytest.fixture
def process() -> Iterator[Process]:
    made = Process()
    made.interpreter.start()
    yield made
    made.interpreter.stop()


def grown(process: Process, growth: float) -> list[list[int]]:
    """Objects, until the process has grown by this part."""
    objects: list[list[int]] = []
    while process.interpreter.growth < growth:
        objects.extend([each] for each in range(10_000))
    return objects


def fill(objects: list[list[int]], blocks: float) -> None:
    """Add objects until the memory for small ones is so large."""
    while sys.getallocatedblocks() < blocks:
        objects.extend([each] for each in range(10_000))


def old_garbage() -> "weakref.ref[Ring]":
    """A ring that has outlived the younger generations."""
    ring = Ring()
    gc.collect(1)
    gc.collect(1)
    return weakref.ref(ring)


def test_the_interpreter_is_left_as_it_was_found() -> None:
    before = sys.getswitchinterval(), gc.get_threshold()
    process = Process()
    process.interpreter.start()
    process.interpreter.start()
    assert sys.getswitchinterval() < before[0]
    assert gc.get_threshold()[:2] == before[1][:2]
    process.interpreter.stop()
    process.interpreter.stop()
    assert (sys.getswitchinterval(), gc.get_threshold()) == before
    assert all(each.call is None for each in process.timers)


def test_garbage_waits_while_somebody_is_served_and_goes_when_nobody_is(process: Process) -> None:
    garbage = old_garbage()
    kept = grown(process, 0.3)
    assert process.interpreter.growth < 1
    process.look()
    assert garbage() is not None
    process.idle = True
    process.look()
    assert garbage() is None
    assert process.interpreter.growth < 0.3
    assert len(process.timers) == 1
    assert kept


def test_a_process_that_has_not_grown_collects_nothing(process: Process) -> None:
    garbage = old_garbage()
    process.idle = True
    process.look()
    assert garbage() is not None


def test_garbage_of_a_process_that_has_doubled_does_not_wait(process: Process) -> None:
    garbage = old_garbage()
    before = sys.getallocatedblocks()
    kept: list[list[int]] = []
    while sys.getallocatedblocks() < 2 * before:
        assert garbage() is not None
        process.look()
        kept.extend([each] for each in range(10_000))
    process.look()
    assert garbage() is None
    assert kept


WITHOUT_BLOCKS = """
import sys
from tests.test_interpreter import Process, grown, old_garbage

assert sys.getallocatedblocks() == 0
process = Process()
process.interpreter.start()
with process.interpreter.building("first"):
    modules = grown(process, 0.5)
garbage = old_garbage()
kept = grown(process, 0.5)
process.look()
assert garbage() is not None, "nobody has waited for it, and it is not much"
while garbage() is not None:
    assert process.interpreter.growth < 3
    kept.extend([each] for each in range(10_000))
    process.look()
assert process.interpreter.growth < 0.5
"""


def test_where_python_has_its_memory_from_elsewhere_objects_are_counted_alone() -> None:
    # So it is with allocators such as jemalloc: of them the interpreter knows no blocks.
    variables = {**os.environ, "PYTHONMALLOC": "malloc"}
    subprocess.run([sys.executable, "-c", WITHOUT_BLOCKS], env=variables, cwd=ROOT, check=True)


def test_what_the_collector_does_not_know_of_is_looked_through_only_when_it_is_very_much(
    process: Process,
) -> None:
    before = sys.getallocatedblocks()
    garbage = old_garbage()
    known = grown(process, 0.3)
    numbers = [0.5]
    while sys.getallocatedblocks() < 3.5 * before:
        numbers.extend([float(each) for each in range(50_000)])
        process.look()
        assert garbage() is not None
    while sys.getallocatedblocks() < 6 * before:
        numbers.extend([float(each) for each in range(50_000)])
        process.look()
    assert garbage() is None
    assert known


def test_what_an_app_brings_with_its_first_document_is_no_reason_to_look_for_garbage(
    process: Process,
) -> None:
    before = sys.getallocatedblocks()
    garbage = old_garbage()
    modules: list[list[int]] = []
    with process.interpreter.building("app"):
        fill(modules, 2 * before)
    grown(process, 0.3)
    process.look()
    assert garbage() is not None
    with process.interpreter.building("app"):
        fill(modules, 4.2 * before)
    process.look()
    assert garbage() is None, "what its second document brings is"


def test_garbage_does_not_become_part_of_what_apps_have_brought(process: Process) -> None:
    before = sys.getallocatedblocks()
    garbage = old_garbage()
    kept: list[list[int]] = []
    apps = iter(range(1000))
    while garbage() is not None:
        assert sys.getallocatedblocks() < 3 * before
        kept.extend([each] for each in range(10_000))
        with process.interpreter.building(f"app{next(apps)}"):
            pass
        process.look()
    assert kept


def test_a_document_that_could_not_be_built_is_not_the_first_one(process: Process) -> None:
    before = sys.getallocatedblocks()
    garbage = old_garbage()
    modules: list[list[int]] = []
    with pytest.raises(ZeroDivisionError), process.interpreter.building("app"):
        raise ZeroDivisionError
    with process.interpreter.building("app"):
        fill(modules, 2 * before)
    grown(process, 0.3)
    process.look()
    assert garbage() is not None
    assert modules


def test_what_was_much_for_a_while_makes_nobody_wait_longer_for_the_next_look(process: Process) -> None:
    before = sys.getallocatedblocks()
    garbage = old_garbage()
    known = grown(process, 0.3)
    numbers = [0.5]
    while sys.getallocatedblocks() < 3.9 * before:
        numbers.extend([float(each) for each in range(50_000)])
        process.look()
    del numbers
    process.look()
    while garbage() is not None:
        assert sys.getallocatedblocks() < 3 * before
        known.extend([each] for each in range(10_000))
        process.look()


def test_nothing_is_held_while_objects_are_counted(process: Process) -> None:
    held: list[int] = []  # Of which the collector knows.
    looked, stop = threading.Event(), threading.Event()
    usual = sys.getrefcount(held)
    counts = set()

    def watch() -> None:
        while not stop.is_set():
            counts.add(sys.getrefcount(held))
            looked.set()

    watching = threading.Thread(target=watch)
    watching.start()
    for _ in range(50):
        looked.clear()
        process.interpreter._count()
        assert looked.wait(memory.WAIT)
    stop.set()
    watching.join()
    assert counts == {usual}


def test_objects_that_come_and_go_while_somebody_is_served_are_no_reason_to_stop_everybody(
    process: Process,
) -> None:
    garbage = old_garbage()
    while process.interpreter.growth < 3:
        for each in range(10_000):
            [each].append([])
        came = [[each] for each in range(10_000)]
        del came
    process.look()
    assert garbage() is not None


def test_who_looks_after_collections_alone_is_not_interfered_with() -> None:
    process = Process()
    gc.disable()
    try:
        before = gc.get_threshold()
        process.interpreter.start()
        assert gc.get_threshold() == before
        assert process.timers == []
    finally:
        process.interpreter.stop()
        gc.enable()


@pytest.mark.parametrize("tuned", [True, False])
def test_a_hub_tunes_the_interpreter_if_it_is_told_to_with_its_first_session(tuned: bool) -> None:
    before = gc.get_threshold()
    hub = Hub("only for tests", Settings(tune_interpreter=tuned))
    hub.add_app("app", lambda document: None)
    assert gc.get_threshold() == before
    try:
        hub.prepare("app", {}, Request(), page={})
        assert (gc.get_threshold() != before) is tuned
    finally:
        hub.stop()
    assert gc.get_threshold() == before


class CountingHeap(Heap):
    """The real heap, and how often free memory of it was given back."""

    def __init__(self) -> None:
        super().__init__(ctypes.CDLL(None))
        self.trimmed = 0

    def trim(self) -> None:
        super().trim()
        self.trimmed += 1


@glibc
def test_memory_of_sessions_that_have_ended_is_given_back_when_nobody_is_served() -> None:
    heap = CountingHeap()
    process = Process(heap)
    process.interpreter.start()
    try:
        process.idle = True
        process.look()
        assert heap.trimmed == 0, "nothing has ended"
        process.idle = False
        process.interpreter.session_ended()
        process.look()
        assert heap.trimmed == 0, "somebody is served"
        process.idle = True
        process.look()
        process.look()
        assert heap.trimmed == 1
        assert len(process.timers) == 1
    finally:
        process.interpreter.stop()


@glibc
def test_memory_of_sessions_that_have_ended_is_given_back_in_a_process_that_always_serves_somebody() -> None:
    heap = CountingHeap()
    process = Process(heap)
    process.interpreter.start()
    try:
        process.interpreter.session_ended()
        looks = 0
        while not heap.trimmed:
            process.look()
            looks += 1
        assert looks * INTERVAL == 60
    finally:
        process.interpreter.stop()


@glibc
def test_memory_that_a_collection_has_freed_is_given_back_with_it() -> None:
    heap = CountingHeap()
    process = Process(heap)
    process.interpreter.start()
    try:
        kept = grown(process, 1.1)
        process.look()
        assert heap.trimmed == 1
        assert kept
    finally:
        process.interpreter.stop()


@glibc
def test_memory_is_given_back_where_somebody_else_looks_after_collections() -> None:
    heap = CountingHeap()
    gc.disable()
    process = Process(heap)
    try:
        before = gc.get_threshold()
        process.interpreter.start()
        process.idle = True
        process.interpreter.session_ended()
        process.look()
        assert heap.trimmed == 1
        assert gc.get_threshold() == before
    finally:
        process.interpreter.stop()
        gc.enable()


@glibc
def test_a_hub_gives_memory_back_when_a_session_has_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    heap = CountingHeap()
    monkeypatch.setattr(Heap, "of_this_process", lambda: heap)
    hub = Hub("only for tests", Settings(tune_interpreter=True))
    hub.add_app("app", memory.ToyRecipe())
    try:
        _, live = hub.prepare("app", {}, Request(), page={})
        assert live is not None
        live.end()
        memory.wait_until(lambda: heap.trimmed)
    finally:
        hub.stop()
