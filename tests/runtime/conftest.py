"""What the tests here have in common."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.runtime.node import Trees


@pytest.fixture(scope="module")
def trees() -> Iterator[Trees]:
    """A parser that is none of ours."""
    trees = Trees()
    yield trees
    trees.close()
