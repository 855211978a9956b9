"""Plays sequences by chance and prints the shortest form of those that fail.

::

    python -m tests.documents.bokehjs.soak [SECONDS [FIRST SEED]]
"""

from __future__ import annotations

import logging
import sys
import time
import warnings
from collections.abc import Callable

from tests.documents.bokehjs.browsers import Browsers
from tests.documents.bokehjs.chance import Chance
from tests.documents.bokehjs.play import Play, Step

MOST_FAILURES = 10


def played(seed: int) -> tuple[str, int, list[Step]]:
    """What is played for a seed: the columns, the length of the log, and the steps."""
    chance = Chance(seed)
    return chance.columns(), chance.one_of([1, 3, 1000]), chance.steps(chance.one_of([3, 8, 20, 40]))


def outcome(browsers: Browsers, data: str, log_ops: int, steps: list[Step]) -> str | None:
    """What is wrong after some steps; ``None`` if nothing is."""
    play = Play(browsers, data, log_ops)
    try:
        play.take([*steps, ("app", 0, "doc.unhold()")])
        play.check()
    except AssertionError as error:
        return str(error)
    finally:
        play.site.close()
    return None


def shrunk(steps: list[Step], fails: Callable[[list[Step]], bool]) -> list[Step]:
    """Leave out all steps that the failure does not need."""
    size = max(1, len(steps) // 2)
    while size:
        at = 0
        while at < len(steps):
            fewer = steps[:at] + steps[at + size :]
            if fails(fewer):
                steps = fewer
            else:
                at += size
        size //= 2
    return steps


def main(seconds: float = 60, seed: int = 0) -> None:
    """Play until the time is over."""
    logging.disable(logging.WARNING)
    warnings.simplefilter("ignore")
    end, first, failed = time.monotonic() + seconds, seed, 0
    with Browsers() as browsers:
        while time.monotonic() < end and failed < MOST_FAILURES:
            data, log_ops, steps = played(seed)
            if outcome(browsers, data, log_ops, steps) is not None:
                failed += 1
                least = shrunk(steps, lambda some: outcome(browsers, data, log_ops, some) is not None)  # noqa: B023
                lines = [
                    f"seed {seed}: {outcome(browsers, data, log_ops, least)}",
                    f'    "{data}", {log_ops}',
                ]
                sys.stdout.write("\n".join([*lines, *(f"    {each!r}," for each in least), "", ""]))
                sys.stdout.flush()
            seed += 1
    sys.stdout.write(f"{seed - first} sequences played, {failed} failed; the next seed is {seed}\n")


if __name__ == "__main__":
    main(*(int(each) for each in sys.argv[1:]))
