"""How a browser asks a WSGI server for a WebSocket."""

from __future__ import annotations

HANDSHAKE = {
    "HTTP_HOST": "localhost",
    "HTTP_CONNECTION": "Upgrade",
    "HTTP_UPGRADE": "websocket",
    "HTTP_SEC_WEBSOCKET_KEY": "AAAAAAAAAAAAAAAAAAAAAA==",
    "HTTP_SEC_WEBSOCKET_VERSION": "13",
}
