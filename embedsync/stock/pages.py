"""The HTTP paths of Bokeh's server that its clients ask for, below the place where apps are mounted.

| path | what |
|---|---|
| ``<app>/autoload.js`` | the script of ``bokeh.embed.server_document`` and ``server_session`` |
| ``<app>/metadata`` | what a ``bokeh.application.Application`` says of itself |
| ``<app>/static/…`` | the folder ``static`` of an app that is a directory |
| ``static/js/…`` | BokehJS |
| ``static/extensions/…`` | files of the extensions that apps have imported |
| ``<app>/ws`` | the socket; see :mod:`embedsync.stock.door` |
"""

from __future__ import annotations

import json
import logging
import mimetypes
import re
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import parse_qs, urlsplit

from embedsync import origins
from embedsync.errors import TicketError, UnknownApp
from embedsync.files import file_below
from embedsync.legible import legible
from embedsync.routes import READING, Response, Routes, sealed
from embedsync.stock.door import Door, arguments_of

if TYPE_CHECKING:
    from embedsync.app import App
    from embedsync.hub import Hub
    from embedsync.request import Request

__all__ = ["StockPages"]

logger = logging.getLogger("embedsync.stock")

_ELEMENT = re.compile(r"[A-Za-z0-9_\-]{1,128}")
_PATH = re.compile(r"(/[A-Za-z0-9_\-.~%]*)*")
_HOST = re.compile(r"[A-Za-z0-9.\-]+(:\d+)?|\[[0-9A-Fa-f:.]+\](:\d+)?")
_SESSION_HEADER = "Bokeh-Session-Id"
_HEADER_NAMES = re.compile(r"[A-Za-z0-9\-, ]{0,1000}")
_ABOUT_APPS = ("autoload.js", "metadata")
_PRIVATE = ("Cache-Control", "no-store")
_NO_SNIFFING = ("X-Content-Type-Options", "nosniff")


class StockPages:
    """Answers what clients of Bokeh's server ask by HTTP.

    Args:
        hub: whose apps they ask for.
    """

    def __init__(self, hub: Hub) -> None:
        self._hub = hub
        self._door = Door(hub)
        self._routes = Routes(hub)

    @property
    def is_on(self) -> bool:
        """Whether anything of Bokeh's server is here."""
        return self._hub.settings.stock_clients

    def socket_app(self, path: str) -> str | None:
        """The name of the app whose socket is at this path; ``None`` if there is none."""
        name, _, last = path.rpartition("/")
        return name if self.is_on and last == "ws" and name in self._hub.apps else None

    def asks_who(self, path: str) -> bool:
        """Whether what is at a path depends on who asks."""
        name, _, last = path.rpartition("/")
        owner = path.partition("/static/")[0] if "/static/" in path else name
        return self.is_on and owner in self._hub.apps and (owner != name or last in _ABOUT_APPS)

    def respond(self, method: str, path: str, query: str, request: Request) -> Response | None:
        """Answer a request; ``None`` if nothing of Bokeh's server is at this path.

        Args:
            method: in upper case.
            path: below the mount, without leading slash.
            query: of the URL, without ``?``.
            request: the request.
        """
        answer = self._answer(method, path, query, request) if self.is_on else None
        return None if answer is None else sealed(answer)

    def _answer(self, method: str, path: str, query: str, request: Request) -> Response | None:
        name, _, last = path.rpartition("/")
        if last == "autoload.js" and name in self._hub.apps:
            return self._autoload(method, name, query, request)
        answer = self._get(path, request)
        if answer is not None and method not in ("GET", "HEAD"):
            return Response(405, headers=[("Allow", "GET, HEAD")])
        return answer

    def _get(self, path: str, request: Request) -> Response | None:
        name, _, last = path.rpartition("/")
        if last == "metadata" and name in self._hub.apps:
            return self._metadata(self._hub.apps[name], request)
        area, _, rest = path.partition("/")
        if area == "static":
            return self._bokehs_file(rest, request)
        name, static, rest = path.partition("/static/")
        if static and name in self._hub.apps:
            return self._apps_file(self._hub.apps[name], rest, request)
        return None

    # The script of a page.

    def _autoload(self, method: str, name: str, query: str, request: Request) -> Response:
        if not self._routes.admits("stock-script", request, reads_only=method in READING):
            return _text(403, "this origin may not embed apps: name it in 'allowed_origins'")
        if method == "OPTIONS":
            return Response(204, headers=self._sharing(request))
        if method not in ("GET", "HEAD"):
            return Response(405, headers=[("Allow", "GET, HEAD, OPTIONS")])
        try:
            answer = self._script(name, query, request)
        except UnknownApp:
            answer = _text(404, "not found")
        except TicketError as error:
            logger.warning("app %r: no script for a page: %s", name, legible(error))
            answer = _text(403, str(error))
        return Response(answer.status, answer.body, [*answer.headers, *self._sharing(request)])

    def _script(self, name: str, query: str, request: Request) -> Response:
        from embedsync.documents.bokeh.stock_pages import autoload_script

        asked = {each: values[0] for each, values in parse_qs(query[:65536], max_num_fields=1000).items()}
        element, app_path = asked.get("bokeh-autoload-element", ""), asked.get("bokeh-app-path", "/")
        absolute_url = asked.get("bokeh-absolute-url")
        if not _ELEMENT.fullmatch(element):
            return _text(400, "'bokeh-autoload-element' must be the id of an element")
        if not _PATH.fullmatch(app_path) or (absolute_url is not None and not _is_plain_url(absolute_url)):
            return _text(400, "'bokeh-app-path' and 'bokeh-absolute-url' must be a plain path and URL")
        session = asked.get("bokeh-session-id", "")
        if session and _SESSION_HEADER in request.headers:
            return _text(403, f"either 'bokeh-session-id' or the header {_SESSION_HEADER}, not both")
        session = session or request.headers.get(_SESSION_HEADER, "")
        arguments = arguments_of(query)
        has_bokeh = arguments.pop("resources", ["default"])[0] == "none"
        script = autoload_script(
            self._door.token(name, arguments, request, session),
            element=element,
            app_path=app_path,
            absolute_url=absolute_url,
            root_url=None if has_bokeh else _root_url(name, absolute_url, request),
        )
        headers = [("Content-Type", "text/javascript; charset=utf-8"), _PRIVATE, _NO_SNIFFING]
        return Response(200, script.encode(), headers)

    def _sharing(self, request: Request) -> Sequence[tuple[str, str]]:
        """What lets pages of the origins that the site names load the script, and no others."""
        allowed = self._hub.settings.allowed_origins
        if request.origin is None or not allowed:
            return [("Vary", "Origin")]
        if origins.is_named(request.origin, allowed):
            who = [
                ("Access-Control-Allow-Origin", request.origin),
                ("Access-Control-Allow-Credentials", "true"),
            ]
        elif "*" in allowed:
            who = [("Access-Control-Allow-Origin", "*")]
        else:
            return [("Vary", "Origin")]
        wanted = request.headers.get("Access-Control-Request-Headers", "")
        names = wanted if wanted and _HEADER_NAMES.fullmatch(wanted) else _SESSION_HEADER
        return [
            *who,
            ("Vary", "Origin"),
            ("Access-Control-Allow-Methods", "GET, OPTIONS"),
            ("Access-Control-Allow-Headers", names),
            ("Access-Control-Max-Age", "600"),
        ]

    # Files, and what is known of an app.

    def _metadata(self, app: App, request: Request) -> Response:
        may_ask = self._routes.admits("stock-metadata", request, reads_only=True)
        if not may_ask or not self._hub.permits(app, request):
            return _text(403, "not allowed")
        metadata = getattr(app.recipe, "metadata", None)
        said = metadata() if callable(metadata) else {}
        body = json.dumps({"url": f"/{app.name}", "data": said}).encode()
        return Response(200, body, [("Content-Type", "application/json"), _PRIVATE, _NO_SNIFFING])

    def _bokehs_file(self, path: str, request: Request) -> Response | None:
        from embedsync.documents.bokeh.stock_pages import extension_folder, static_folder

        area, _, rest = path.partition("/")
        if area == "extensions":
            name, _, below = rest.partition("/")
            folder = extension_folder(name)
        else:
            below, folder = path, static_folder()
        file = file_below(folder, below) if folder is not None else None
        if file is None:
            return None
        asset = self._hub.assets.load(file)
        # Their URLs carry a hash, if they were made by Bokeh of the same version.
        headers = [
            *self._file_headers(file, request),
            ("Cache-Control", "public, max-age=3600"),
        ]
        content, encoding = asset.encoded(request.headers.get("Accept-Encoding", ""))
        return Response(200, content, [*headers, *encoding])

    def _apps_file(self, app: App, path: str, request: Request) -> Response | None:
        folder = getattr(app.recipe, "static_path", None)
        file = file_below(folder, path) if isinstance(folder, Path) else None
        if file is None or not self._routes.admits("stock-app-files", request, app=app):
            return None
        headers = [*self._file_headers(file, request), ("Cache-Control", "no-cache")]
        return Response(200, file.read_bytes(), headers)

    def _file_headers(self, file: Path, request: Request) -> list[tuple[str, str]]:
        kind, _ = mimetypes.guess_type(file.name)
        if file.suffix in (".js", ".mjs"):
            kind = "text/javascript; charset=utf-8"
        headers = [("Content-Type", kind or "application/octet-stream"), _NO_SNIFFING]
        allowed = self._hub.settings.allowed_origins
        if allowed:
            # Pages of other origins that may embed an app load its scripts and fonts as well.
            headers.append(("Vary", "Origin"))
        if request.origin is not None and origins.is_named(request.origin, allowed):
            headers.append(("Access-Control-Allow-Origin", request.origin))
        elif "*" in allowed:
            headers.append(("Access-Control-Allow-Origin", "*"))
        return headers


def _is_plain_url(url: str) -> bool:
    """Whether a URL is one that can be written into a script as it is."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return False
    return (
        parts.scheme in ("http", "https")
        and _HOST.fullmatch(parts.netloc) is not None
        and _PATH.fullmatch(parts.path) is not None
        and not parts.query
        and not parts.fragment
    )


def _root_url(name: str, absolute_url: str | None, request: Request) -> str:
    """The URL below which Bokeh's files are: that of the app, without its name."""
    if absolute_url is not None:
        return absolute_url.rstrip("/").removesuffix(name).rstrip("/") + "/"
    path = request.path.removesuffix(f"{name}/autoload.js")
    return path if _PATH.fullmatch(path) and path.endswith("/") else "/"


def _text(status: int, text: str) -> Response:
    return Response(
        status, text.encode(), [("Content-Type", "text/plain; charset=utf-8"), _PRIVATE, _NO_SNIFFING]
    )
