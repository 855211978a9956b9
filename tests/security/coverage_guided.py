"""A search that is guided by what each input reaches; ``make fuzz`` runs it.

``python -m tests.security.coverage_guided TARGET SECONDS`` begins with the kept corpus of the target, and
writes what is new to ``.fuzz/``; an input that breaks something is written there too, and ends the run with
its traceback. With ``keep TARGET`` in place of these, the best of what a run has found is put into the kept
corpus, which each run of the tests plays again. It needs atheris, from the extra ``fuzz``.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

from tests.security.targets import CORPUS, TARGETS

FOUND = Path(__file__).parents[2] / ".fuzz"
KEPT = 40
"""Inputs that are kept of one run, at the most."""


def search(target: str, seconds: str) -> None:
    """Search for so long; ends the process."""
    import atheris  # type: ignore[import-not-found, unused-ignore]

    new = FOUND / target
    new.mkdir(parents=True, exist_ok=True)
    with atheris.instrument_imports(include=["embedsync"]):
        attack = TARGETS[target]()
    arguments = [f"-max_total_time={seconds}", "-max_len=600", "-rss_limit_mb=2000", "-print_final_stats=1"]
    folders = [str(new), str(CORPUS / target)]
    atheris.Setup([sys.argv[0], *arguments, f"-artifact_prefix={new}/broken-", *folders], attack)
    atheris.Fuzz()


def keep(target: str) -> None:
    """Copy what broke something, and the shortest of what reached something new, into the kept corpus."""
    found = sorted((FOUND / target).iterdir(), key=lambda each: each.stat().st_size)
    broke = [each for each in found if each.name.startswith("broken-")]
    for each in [*broke, *[each for each in found if each not in broke][:KEPT]]:
        shutil.copy(each, CORPUS / target / each.name)


def main(arguments: list[str]) -> int:
    """Run a search, or all of them, each in a process of its own."""
    match arguments:
        case ["keep", target] if target in TARGETS:
            keep(target)
        case ["all", seconds]:
            commands = [
                [sys.executable, "-m", "tests.security.coverage_guided", each, seconds] for each in TARGETS
            ]
            return max(subprocess.run(each, check=False).returncode for each in commands)
        case [target, seconds] if target in TARGETS:
            search(target, seconds)
        case _:
            sys.stderr.write(f"{__doc__}")
            return 2
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
