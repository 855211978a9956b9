"""The loop that awaits asynchronous app code."""

import asyncio
import contextvars
import threading

import pytest

from embedsync.apploop import AppLoop
from tests.support.no_threads import no_threads

WAIT = 20.0


def test_nothing_starts_before_the_first_awaitable() -> None:
    before = set(threading.enumerate())  # Some of them, of other tests, may be about to end.
    assert AppLoop().stop(WAIT)
    assert set(threading.enumerate()) <= before


def test_an_awaitable_runs_in_the_given_context_and_its_result_is_handed_on() -> None:
    loop, done, outcome = AppLoop(), threading.Event(), []
    variable: contextvars.ContextVar[str] = contextvars.ContextVar("variable", default="elsewhere")
    context = contextvars.copy_context()
    context.run(variable.set, "here")

    async def work() -> str:
        await asyncio.sleep(0)
        return variable.get()

    def finished(value: object, error: BaseException | None) -> None:
        outcome.append((value, error))
        done.set()

    loop.run(work(), context, finished)
    assert done.wait(WAIT)
    assert outcome == [("here", None)]
    assert loop.stop(WAIT)


def test_stopping_cancels_what_is_awaited() -> None:
    loop, begun, done, outcome = AppLoop(), threading.Event(), threading.Event(), []

    async def wait_for_ever() -> None:
        begun.set()
        await asyncio.Event().wait()

    def finished(value: object, error: BaseException | None) -> None:
        outcome.append(error)
        done.set()

    loop.run(wait_for_ever(), contextvars.copy_context(), finished)
    assert begun.wait(WAIT)
    assert loop.stop(WAIT)
    assert done.wait(WAIT)
    assert isinstance(outcome[0], asyncio.CancelledError)


def test_code_that_blocks_the_loop_does_not_keep_it_from_being_given_up() -> None:
    loop, begun, released, done = AppLoop(), threading.Event(), threading.Event(), threading.Event()

    async def block() -> None:
        begun.set()
        released.wait(WAIT)

    loop.run(block(), contextvars.copy_context(), lambda value, error: done.set())
    assert begun.wait(WAIT)
    assert not loop.stop(0.05)
    released.set()
    assert done.wait(WAIT)


def test_where_no_thread_can_be_started_the_next_awaitable_tries_it_again() -> None:
    loop, done = AppLoop(), threading.Event()
    work = asyncio.sleep(0)
    with no_threads(), pytest.raises(RuntimeError):
        loop.run(work, contextvars.copy_context(), lambda value, error: done.set())
    loop.run(work, contextvars.copy_context(), lambda value, error: done.set())
    assert done.wait(WAIT)
    assert loop.stop(WAIT)
