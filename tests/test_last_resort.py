"""Log lines of a site that has set nothing up."""

from __future__ import annotations

import re
import subprocess
import sys

import pytest

from tests.contract.servers import own_environment

SAY = """
import logging
from embedsync import Hub, Settings
Hub("key", Settings())
Hub("key", Settings())
logging.getLogger("embedsync.hub").warning("first")
{configuration}
logging.getLogger("embedsync.hub").warning("second")
logging.getLogger("embedsync.hub").info("third")
"""


def said(configuration: str) -> list[str]:
    """What is on the error output of a site that configures its log between two lines of ours."""
    ended = subprocess.run(
        [sys.executable, "-c", SAY.format(configuration=configuration)],
        env=own_environment(),
        capture_output=True,
        text=True,
        check=True,
    )
    return ended.stderr.splitlines()


def test_a_site_without_logging_of_its_own_finds_time_level_and_name_in_each_line() -> None:
    lines = said("")
    assert len(lines) == 2
    for line, words in zip(lines, ("first", "second"), strict=True):
        assert re.fullmatch(rf"\d{{4}}-\d\d-\d\d [\d:,]+ WARNING embedsync\.hub: {words}", line)


@pytest.mark.parametrize(
    "configuration",
    [
        "logging.basicConfig(format='%(message)s')",
        "logging.getLogger('embedsync.hub').addHandler(logging.StreamHandler())",
        "import logging.config; logging.config.dictConfig({'version': 1, 'disable_existing_loggers': False, "
        "'handlers': {'all': {'class': 'logging.StreamHandler'}}, 'root': {'handlers': ['all']}})",
    ],
    ids=["basicConfig", "a logger of ours", "dictConfig"],
)
def test_a_site_that_sets_its_log_up_has_each_line_once_and_as_it_likes(configuration: str) -> None:
    assert said(configuration)[1:] == ["second"]


def test_a_site_may_have_its_lines_dropped() -> None:
    assert said("logging.lastResort = None")[1:] == []
    assert said("logging.getLogger('embedsync').setLevel('ERROR')")[1:] == []
