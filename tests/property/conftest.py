"""What the tests here have in common: browsers that run in Node."""

from __future__ import annotations

import logging
import shutil
from collections.abc import Iterator

import pytest

from tests.property.browsers import Browsers


@pytest.fixture(scope="module")
def browsers() -> Iterator[Browsers]:
    """A process of browsers. What the server logs of what happens to them is not shown."""
    if shutil.which("node") is None:
        pytest.skip("Node is not installed")
    logger = logging.getLogger("embedsync")
    level = logger.level
    logger.setLevel(logging.CRITICAL)
    browsers = Browsers()
    yield browsers
    browsers.close()
    logger.setLevel(level)
