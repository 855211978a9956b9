"""A proxy in front that cuts what is idle, or knows no WebSockets: F25."""

from __future__ import annotations

from pathlib import Path

import pytest
from websockets.exceptions import InvalidStatus

from tests.contract.client import Client, elements_of
from tests.faults.report import Figures
from tests.faults.sites import PATIENT, FaultSite, wait_until
from tests.support import nginx
from tests.support.replica import Replica

needs_nginx = pytest.mark.skipif(
    nginx.NGINX is None, reason="nginx is not installed: apt-get install nginx-light"
)

_IDLE = 1
"""Seconds after which nginx cuts; more than a heartbeat."""
_LOCATION = """
    location / {{
      proxy_pass {target};
      proxy_http_version 1.1;
      proxy_set_header Host $http_host;
      proxy_read_timeout {idle}s;
      {upgrade}
    }}
"""
_UPGRADE = "proxy_set_header Upgrade $http_upgrade; proxy_set_header Connection $connection_upgrade;"


@needs_nginx
def test_f25_a_proxy_that_cuts_idle_connections_finds_none(
    patient: FaultSite, tmp_path: Path, figures: Figures
) -> None:
    """nginx with a read timeout longer than the heartbeat; nothing else is sent for several times as long."""
    locations = _LOCATION.format(target=patient.url, idle=_IDLE, upgrade=_UPGRADE)
    with nginx.running(tmp_path, locations) as url:
        page = patient.page("tally").replace(patient.url, url)
        with Replica(page).wait_shown() as replica:
            idle = int(2 * _IDLE / PATIENT["heartbeat"])
            replica.wait(lambda: replica.pings > idle)
            assert replica.connects == 1
            replica.result(replica.say("step", 1))
            replica.wait_settled().check_equal_to_the_servers()
    figures("cuts what is idle for", _IDLE, "s")
    figures("heartbeat", PATIENT["heartbeat"], "s")
    figures("idle for", idle * PATIENT["heartbeat"], "s")


@needs_nginx
def test_f25_a_proxy_that_passes_on_no_websockets_is_named_in_the_log_and_pages_can_find_out(
    patient: FaultSite, tmp_path: Path
) -> None:
    """nginx as it is without further words: it takes the header Upgrade off."""
    size = patient.log_size
    locations = _LOCATION.format(target=patient.url, idle=_IDLE, upgrade="")
    with nginx.running(tmp_path, locations) as url:
        [element] = elements_of(patient.page("tally").replace(patient.url, url))
        with pytest.raises(InvalidStatus) as refused:
            Client(element.endpoint)
        assert refused.value.response.status_code == 426
    wait_until(lambda: "a proxy in front has taken off 'Upgrade'" in patient.log_since(size))
