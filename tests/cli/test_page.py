"""docs/command-line.md is true."""

import re
from pathlib import Path

from bokeh.command.subcommands.serve import Serve

from embedsync.cli.serve_command import serve_command

PAGE = Path(__file__).parents[2] / "docs" / "command-line.md"
TABLE = [line for line in PAGE.read_text().splitlines() if line.startswith("| `")]


def options_of_bokeh() -> set[str]:
    spelled = [names if isinstance(names, tuple) else (names,) for names, _ in Serve.args]
    return {name for names in spelled for name in names if name.startswith("--")}


def options_in(cell: str) -> set[str]:
    return set(re.findall(r"`(--[a-z-]+)", cell))


def test_it_lists_every_option_of_bokeh_serve() -> None:
    listed = {option for line in TABLE for option in options_in(line.split("|")[1])}
    assert listed == options_of_bokeh()


def test_every_option_of_bokeh_serve_is_taken() -> None:
    taken = {name for each in serve_command.params for name in each.opts}
    # Everything after this one is taken away before options are looked for.
    assert options_of_bokeh() - taken == {"--args"}


def test_every_test_that_it_names_exists() -> None:
    named = {name for line in TABLE for name in re.findall(r"`(test_\w+)`", line)}
    written = "".join(each.read_text() for each in Path(__file__).parent.glob("test_*.py"))
    assert {each for each in named if f"def {each}(" not in written} == set()
    assert all("`test_" in line for line in TABLE)
