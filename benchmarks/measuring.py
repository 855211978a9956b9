"""Repetitions: each on a server of its own; one that fails costs no other, and is told."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterable, Sequence

from benchmarks.effort import Effort
from benchmarks.figures.figure import Figure, Measured
from benchmarks.judging import is_clear, values_of
from benchmarks.systems import Server, Site, System, started

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

        The systems take turns, so that what else the machine does befalls all of them. They are started side
        by side, before the first of them is measured. Once two repetitions make it clear whether
        the first system reaches its targets, no more follow.
        """
        new = [each for each in systems if (figure.measure, each.name) not in self._known]
        for system in new:
            self._known[figure.measure, system.name] = []
        repetitions = min(self._effort.repetitions, figure.most)
        for each in range(repetitions if new else 0):
            which = f"{each + 1} of {repetitions}"
            with started(new, figure.grace) as servers:
                for turn in [servers] if figure.at_once else [[server] for server in servers]:
                    asyncio.run(self._take_turn(turn, figure, which))
            if self._is_clear(systems, figure):
                break
        return self._found(systems, figure)

    def _found(self, systems: Sequence[System], figure: Figure) -> dict[str, list[Measured]]:
        return {each.name: self._known[figure.measure, each.name] for each in systems}

    def _is_clear(self, systems: Sequence[System], figure: Figure) -> bool:
        found = self._found(systems, figure)
        return all(is_clear(row, systems[0].name, values_of(found, at)) for at, row in enumerate(figure.rows))

    async def _take_turn(self, servers: Iterable[Server], figure: Figure, which: str) -> None:
        await asyncio.gather(*(self._try(each, figure, which) for each in servers))

    async def _try(self, server: Server, figure: Figure, which: str) -> None:
        where = f"figure {figure.rows[0].number}, {figure.rows[0].title}, {server.system.name}"
        try:
            measured, busy = await self._repetition(server, figure)
        except Exception as error:  # noqa: BLE001  (whatever a system does, the others are measured)
            server.print_log()
            self.ours_failed = self.ours_failed or server.system.ours
            self._note(f"{where}: repetition {which} failed: {type(error).__name__}: {_first_line(error)}")
        else:
            self._known[figure.measure, server.system.name].append(measured)
            if busy > BUSY and not figure.at_once:
                self._note(
                    f"{where}: the visitors took {busy:.0%} of a processor, so that the system may do better."
                )
        finally:
            server.stop()

    async def _repetition(self, server: Server, figure: Figure) -> tuple[Measured, float]:
        """The values, and what part of a processor the visitors took when they took most."""
        limit, busy, site = self._effort.patience, [0.0], server.site()
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
