"""``--websocket-compression-level`` and ``-mem-level``: messages are compressed if either is given."""

from __future__ import annotations

from typing import Any

from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from websockets.extensions.permessage_deflate import ServerPerMessageDeflateFactory

__all__ = ["compressing"]


def compressing(level: int | None, memory: int | None) -> type[WebSocketsSansIOProtocol]:
    """The protocol of uvicorn, with compression.

    Args:
        level: from 0 to 9; what zlib does by itself if ``None``.
        memory: from 1 to 9, and so.
    """
    given = {"level": level, "memLevel": memory}
    settings = {name: value for name, value in given.items() if value is not None}

    class Compressing(WebSocketsSansIOProtocol):
        def __init__(self, *arguments: Any, **options: Any) -> None:
            super().__init__(*arguments, **options)
            self.conn.available_extensions = [ServerPerMessageDeflateFactory(compress_settings=settings)]

    return Compressing
