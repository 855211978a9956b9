"""The sockets that `embedsync serve` listens on."""

from __future__ import annotations

import asyncio
import socket
import sys
from contextlib import ExitStack
from typing import Any

import pytest

from embedsync.cli import listen as listening_module
from embedsync.cli.listen import listen
from embedsync.errors import ConfigurationError
from tests.contract.servers import free_port


def test_small_messages_do_not_wait_for_others_to_go_along_with() -> None:
    async def accepted() -> int:
        found: asyncio.Future[int] = asyncio.get_running_loop().create_future()

        async def greet(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            connection = writer.get_extra_info("socket")
            found.set_result(connection.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY))
            writer.close()

        (listening,) = listen("127.0.0.1", 0)
        async with await asyncio.start_server(greet, sock=listening):
            _, writer = await asyncio.open_connection(*listening.getsockname())
            delayed = await found
            writer.close()
            return delayed

    assert asyncio.run(accepted()) != 0


@pytest.mark.skipif(sys.platform != "linux", reason="other systems have to be told of 127.0.0.2")
@pytest.mark.parametrize("port", ["any", "one"])
def test_a_port_that_is_free_at_one_address_and_not_at_the_next_is_passed_over_where_any_will_do(
    port: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    targets = [(socket.AF_INET, 0, 0, "", (host, 0)) for host in ("127.0.0.1", "127.0.0.2")]
    monkeypatch.setattr(socket, "getaddrinfo", lambda *asked, **options: targets)
    opening = listening_module._open
    with ExitStack() as others:

        def come_before(family: int, target: Any) -> socket.socket:
            if target[0] == "127.0.0.2" and len(taken) < 3:
                taken.append(others.enter_context(socket.create_server(target)).getsockname()[1])
            return opening(family, target)

        taken: list[int] = []
        monkeypatch.setattr(listening_module, "_open", come_before)
        if port == "any":
            opened = listen("localhost", 0)
            ports = {each.getsockname()[1] for each in opened}
            assert len(opened) == 2
            assert len(taken) == 3
            assert len(ports) == 1
            assert not ports & set(taken)
            for each in opened:
                each.close()
        else:
            number = free_port()
            with pytest.raises(ConfigurationError, match=f"port {number} of localhost is in use"):
                listen("localhost", number)
