"""HTTP over ASGI: the body of a request, and the bytes of a response."""

from __future__ import annotations

from embedsync.asgi.protocol import Receive, Send
from embedsync.routes import Response, sealed

__all__ = ["BodyTooLongError", "DisconnectedError", "read_body", "send_response", "text_response"]


class BodyTooLongError(Exception):
    """The body of a request is longer than anybody needs."""


class DisconnectedError(Exception):
    """The browser went away before its request was complete."""


async def read_body(receive: Receive, limit: int) -> bytes:
    """Read the body of a request.

    Args:
        receive: of the scope.
        limit: bytes that are worth reading.

    Raises:
        BodyTooLongError: there are more.
        DisconnectedError: nobody waits for an answer any more.
    """
    body = bytearray()
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise DisconnectedError
        body += message.get("body", b"")
        if len(body) > limit:
            raise BodyTooLongError
        if not message.get("more_body", False):
            return bytes(body)


async def send_response(send: Send, response: Response, *, head: bool = False) -> None:
    """Send a response; without its body if the request was a ``HEAD``."""
    headers = [(name.lower().encode("latin-1"), value.encode("latin-1")) for name, value in response.headers]
    headers.append((b"content-length", str(len(response.body)).encode()))
    await send({"type": "http.response.start", "status": response.status, "headers": headers})
    await send({"type": "http.response.body", "body": b"" if head else response.body})


def text_response(status: int, text: str) -> Response:
    """A response for programs and for those who look closely."""
    headers = [
        ("Content-Type", "text/plain; charset=utf-8"),
        ("Cache-Control", "no-store"),
    ]
    return sealed(Response(status, text.encode(), headers))
