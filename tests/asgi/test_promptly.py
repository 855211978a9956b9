"""What is awaited with a deadline behaves as with any other; what does not wait needs none."""

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from embedsync.asgi.promptly import await_within


async def at_once() -> None:
    """Never suspend."""


async def twice() -> None:
    await asyncio.sleep(0)
    await asyncio.sleep(0)


async def refused() -> None:
    raise OSError("nobody is there")


async def refused_later() -> None:
    await asyncio.sleep(0)
    raise OSError("nobody has stayed")


@pytest.mark.parametrize(
    "make", [at_once, twice, lambda: asyncio.sleep(0), lambda: asyncio.ensure_future(twice())]
)
def test_what_ends_in_time_is_awaited_to_its_end(make: Callable[[], Awaitable[None]]) -> None:
    asyncio.run(asyncio.wait_for(_awaited(make), 30))


@pytest.mark.parametrize("make", [refused, refused_later])
def test_what_raises_raises(make: Callable[[], Awaitable[None]]) -> None:
    with pytest.raises(OSError, match="nobody"):
        asyncio.run(_awaited(make))


def test_what_takes_too_long_is_cancelled_and_may_clean_up() -> None:
    cleaned: list[str] = []

    async def forever() -> None:
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            await asyncio.sleep(0)
            cleaned.append("up")
            raise

    with pytest.raises(TimeoutError):
        asyncio.run(await_within(0.01, forever()))
    assert cleaned == ["up"]


def test_a_cancellation_from_outside_is_no_timeout() -> None:
    async def cancelled() -> None:
        waiting = asyncio.Event()

        async def forever() -> None:
            waiting.set()
            await asyncio.Event().wait()

        task = asyncio.create_task(await_within(30, forever()))
        await waiting.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(cancelled())


async def _awaited(make: Callable[[], Awaitable[None]]) -> None:
    await await_within(30, make())
