"""What the page on compatibility says of tests is true: each one that it names is there."""

import re
from pathlib import Path

TESTS = Path(__file__).parent
PAGE = TESTS.parent / "docs" / "compatibility.md"
ROW = re.compile(r"^\| (?P<what>[^|]+) \| (?P<state>[^|]+) \| (?P<test>[^|]*)\|$", re.MULTILINE)
NAMED = re.compile(r"`(?P<file>[\w/]+\.py)::(?P<name>test_\w+)`")


def rows() -> list[re.Match[str]]:
    return list(ROW.finditer(PAGE.read_text()))


def test_each_row_says_whether_it_works_and_which_test_shows_it() -> None:
    assert len(rows()) > 50
    for row in rows():
        state = row["state"].strip()
        assert state.startswith(("works", "differs", "not yet")), row["what"]
        assert bool(NAMED.search(row["test"])) == (state != "not yet"), row["what"]


def test_each_test_that_it_names_exists() -> None:
    for named in NAMED.finditer(PAGE.read_text()):
        assert f"def {named['name']}(" in (TESTS / named["file"]).read_text(), named[0]
