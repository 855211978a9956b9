"""The sockets that `embedsync serve` listens on."""

from __future__ import annotations

import asyncio
import socket

from embedsync.cli.listen import listen


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
