"""The table of threats in docs/security.md: whatever it names is there, and whatever is there is in it."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "security.md").read_text()
ROW = re.compile(r"^\| S(?P<number>\d+) (?P<threat>[^|]+) \| (?P<tests>[^|]+) \|$", re.MULTILINE)
NAMED = re.compile(r"`(?P<file>tests/[\w/.]+?\.(?:py|js))(?:::(?P<name>test_\w+))?`")


def test_threats_stand_in_the_order_of_their_numbers_and_each_names_a_test() -> None:
    rows = list(ROW.finditer(PAGE))
    numbers = [int(row["number"]) for row in rows]
    assert numbers, "no row was found"
    assert len(numbers) == len(re.findall(r"^\| S\d", PAGE, re.MULTILINE)), "a row has another form"
    assert numbers == sorted(set(numbers)), "a threat has one row, in the order of numbers"
    assert set(numbers) <= set(range(1, 37))
    for row in rows:
        assert NAMED.search(row["tests"]), row["threat"]


def test_each_test_that_the_page_names_exists() -> None:
    for named in NAMED.finditer(PAGE):
        file = ROOT / named["file"]
        assert file.exists(), named[0]
        if named["name"]:
            assert f"def {named['name']}(" in file.read_text(), named[0]


def test_each_file_of_security_tests_is_named_by_the_page() -> None:
    named = {each["file"] for each in NAMED.finditer(PAGE)}
    there = {f"tests/security/{each.name}" for each in Path(__file__).parent.glob("test_*.py")}
    assert there - {"tests/security/test_table.py"} <= named


def test_each_test_of_a_threat_says_its_number() -> None:
    """By names such as ``test_s7_…``, for those who look for the tests of a threat."""
    for file in Path(__file__).parent.glob("test_*.py"):
        if file.name != "test_table.py":
            names = re.findall(r"^def (test_\w+)\(", file.read_text(), re.MULTILINE)
            assert [each for each in names if not re.match(r"test_[sf]\d+_", each)] == [], file.name
