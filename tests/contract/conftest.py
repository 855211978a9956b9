"""Each scenario runs on each server."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.contract.servers import SERVERS, Site, running


@pytest.fixture(scope="module", params=list(SERVERS))
def site(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    with running(request.param, tmp_path_factory.mktemp("logs")) as started:
        yield started
