"""Repetitions: each on a server of its own; one that fails costs no other, and is told."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence

from benchmarks.effort import Effort
from benchmarks.figures.figure import Figure, Measured
from benchmarks.systems import Site, System, running

__all__ = ["Measurements"]

BUSY = 0.9
"""Part of a processor, for a second, above which it may be the visitors that are slow, and not the system."""


class Measurements:
    """Measures, once for all tables that show it.

    Args:
        effort: how much.

    Attributes:
        notes: what has failed and why, and where the visitors had no time left.
        ours_failed: whether a repetition of a system of ours was among them.
    """

    def __init__(self, effort: Effort) -> None:
        self._effort = effort
        self._known: dict[tuple[Callable[[Site, Effort], Awaitable[Measured]], str], list[Measured]] = {}
        self.notes: list[str] = []
        self.ours_failed = False

    def of(self, systems: Sequence[System], figure: Figure) -> dict[str, list[Measured]]:
        """A value for each row from each repetition that came to its end, by the name of the system.

        The systems take turns, so that what else the machine does befalls all of them.
        """
        new = [each for each in systems if (figure.measure, each.name) not in self._known]
        for system in new:
            self._known[figure.measure, system.name] = []
        repetitions = min(self._effort.repetitions, figure.most)
        for each in range(repetitions):
            for system in new:
                measured = self._try(system, figure, f"{each + 1} of {repetitions}")
                if measured is not None:
                    self._known[figure.measure, system.name].append(measured)
        return {each.name: self._known[figure.measure, each.name] for each in systems}

    def _try(self, system: System, figure: Figure, which: str) -> Measured | None:
        where = f"figure {figure.rows[0].number}, {figure.rows[0].title}, {system.name}"
        try:
            measured, busy = asyncio.run(self._repetition(system, figure))
        except Exception as error:  # noqa: BLE001  (whatever a system does, the others are measured)
            self.ours_failed = self.ours_failed or system.ours
            self._note(f"{where}: repetition {which} failed: {type(error).__name__}: {_first_line(error)}")
            return None
        if busy > BUSY:
            self._note(
                f"{where}: the visitors took {busy:.0%} of a processor, so that the system may do better."
            )
        return measured

    async def _repetition(self, system: System, figure: Figure) -> tuple[Measured, float]:
        """The values, and what part of a processor the visitors took when they took most."""
        limit, busy = self._effort.patience, [0.0]
        with running(system, figure.grace) as site:
            watching = asyncio.create_task(_watch_visitors(busy))
            try:
                async with asyncio.timeout(limit):
                    measured = await figure.measure(site, self._effort)
            except TimeoutError as error:
                # What has run out may be another limit, which says what it waited for.
                raise TimeoutError(str(error) or f"not done within {limit:.0f} s") from error
            finally:
                watching.cancel()
                await site.empty()
        return measured, max(busy)

    def _note(self, text: str) -> None:
        print(text, flush=True)
        self.notes.append(text)


async def _watch_visitors(busy: list[float]) -> None:
    """Note, second by second, what part of a processor this process takes."""
    while True:
        begun, cpu = time.perf_counter(), time.process_time()
        await asyncio.sleep(1)
        busy.append((time.process_time() - cpu) / (time.perf_counter() - begun))


def _first_line(error: Exception) -> str:
    return str(error).partition("\n")[0].strip()
