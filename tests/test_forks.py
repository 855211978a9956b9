"""Processes that are forked from one which handles signals."""

import subprocess
import sys

import pytest

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="processes are not forked there")

FORKING = """
import multiprocessing, signal, time
from embedsync.forks import let_forks_end_by

signal.signal(signal.SIGTERM, lambda number, frame: print("handled", flush=True))
let_forks_end_by([signal.SIGTERM])
fork = multiprocessing.get_context("fork")
"""


def output_of(script: str) -> str:
    run = subprocess.run(
        [sys.executable, "-c", FORKING + script], capture_output=True, text=True, check=True, timeout=120
    )
    assert run.stderr == ""
    return run.stdout


def test_a_fork_ends_by_a_signal_however_soon_it_comes() -> None:
    script = """
for _ in range(300):
    forked = fork.Process(target=time.sleep, args=(60,), daemon=True)
    forked.start()
    forked.terminate()
    forked.join(20)
    assert forked.exitcode == -signal.SIGTERM, forked.exitcode
"""
    assert output_of(script) == ""


def test_who_forks_goes_on_handling_signals() -> None:
    script = """
forked = fork.Process(target=int)
forked.start()
forked.join()
signal.raise_signal(signal.SIGTERM)
assert not signal.pthread_sigmask(signal.SIG_BLOCK, ())
"""
    assert output_of(script) == "handled\n"


def test_a_fork_may_handle_signals_in_its_own_way() -> None:
    script = """
def run():
    signal.signal(signal.SIGTERM, lambda number, frame: print("its own", flush=True))
    signal.raise_signal(signal.SIGTERM)

forked = fork.Process(target=run)
forked.start()
forked.join()
assert forked.exitcode == 0, forked.exitcode
"""
    assert output_of(script) == "its own\n"


def test_signals_that_were_held_back_stay_so() -> None:
    script = """
signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGTERM])
masks = fork.Queue()
forked = fork.Process(target=lambda: masks.put(signal.pthread_sigmask(signal.SIG_BLOCK, ())))
forked.start()
assert masks.get() == {signal.SIGTERM} == signal.pthread_sigmask(signal.SIG_BLOCK, ())
forked.join()
"""
    assert output_of(script) == ""
