"""Notices that nobody serves the files of live apps, which without debug mode is not for Django to do."""

from __future__ import annotations

import logging

from embedsync.asgi.protocol import Message, Scope, Send
from embedsync_django.registry import embed

__all__ = ["UnservedFiles"]

logger = logging.getLogger("embedsync.django")

_FOLDER = "/embedsync/"


class UnservedFiles:
    """Says once, in the log, that a page has asked for a file of ours in vain: its app stays empty."""

    def __init__(self) -> None:
        self._told = False

    def watched(self, scope: Scope, send: Send) -> Send:
        """In place of ``send``, for a request that the site is going to answer."""
        if self._told or scope["type"] != "http" or _FOLDER not in scope["path"]:
            return send

        async def noting(message: Message) -> None:
            if message["type"] == "http.response.start" and message["status"] == 404:
                self._look_at(scope["path"])
            await send(message)

        return noting

    def _look_at(self, path: str) -> None:
        if not self._told and path.partition(_FOLDER)[2] in embed.hub.assets.files():
            self._told = True
            logger.error(
                "nobody serves %s, so that live apps stay empty: set STATIC_ROOT, run manage.py "
                "collectstatic, and let the server in front, or WhiteNoise, serve STATIC_ROOT at STATIC_URL. "
                "'manage.py live doctor --url …' looks whether they are served",
                path,
            )
