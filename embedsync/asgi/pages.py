"""The pages of ``embedsync serve``: an index, a page for each app, and a page for what is not there.

Links on them are relative, so that they work behind any proxy and under any prefix.
"""

from __future__ import annotations

import asyncio
import logging
import re
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass, replace
from html import escape
from typing import TYPE_CHECKING
from urllib.parse import parse_qs, quote, urljoin

from embedsync.app import App, Traits
from embedsync.asgi.page_options import ENDPOINT, PageOptions
from embedsync.document import PageParts
from embedsync.errors import ConfigurationError, UnknownApp
from embedsync.html import embed_element, module_script
from embedsync.request import ENDPOINT_URL, PAGE_PATH, Request
from embedsync.routes import Response, sealed

if TYPE_CHECKING:
    from embedsync.hub import Hub
    from embedsync.live import LiveSession

__all__ = ["ENDPOINT", "DrawnPage", "Pages"]

logger = logging.getLogger("embedsync.asgi")

_LONGEST_QUERY = 64 * 1024
_LONGEST_BUILD = 60.0
"""Seconds that a page waits for its document; then the page is shown that we make, and waits in its place."""
_LONGEST_LOOK = 10.0
"""The same, where it is not known yet whether documents of the app have a page of their own, nor what
its policy must allow: long enough for what apps import to be imported for the first time."""
_PLAIN_HOST = re.compile(r"[A-Za-z0-9.\-]+(:\d+)?|\[[0-9A-Fa-f:.]+\](:\d+)?")
_ICON_PATH = "/favicon.ico"
"""Where browsers look for an icon that a page does not name, as those do not that apps draw."""


@dataclass(frozen=True, slots=True)
class DrawnPage:
    """A page that waits for the app, which may draw it itself.

    Attributes:
        drawn: the page, or ``None`` if the app has no wishes.
        respond: makes the response of it.
        patience: seconds to wait.
    """

    drawn: Future[str | None]
    respond: Callable[[str | None], Response]
    patience: float

    async def response(self) -> Response:
        """Wait for the app. What it raises is in the log, and will be told by the page that we make."""
        try:
            text = await asyncio.wait_for(asyncio.wrap_future(self.drawn), self.patience)
        except TimeoutError:
            logger.info("a page does not wait for its app, which takes more than %.0f s", self.patience)
            text = None
        except Exception:  # noqa: BLE001 - whatever app code raises is reported by its session
            text = None
        return self.respond(text)


class Pages:
    """Writes the pages of a hub's apps.

    Args:
        hub: its apps.
        content_policy: ``Content-Security-Policy`` of all pages; ours if ``None``, none if empty. Ours is not
            for pages that apps draw themselves, which hold what they like.
        allow_eval: whether ours allows JavaScript that is held as text, also where no document was seen to
            hold any.
        options: what else whoever serves them has decided.
    """

    def __init__(
        self,
        hub: Hub,
        content_policy: str | None = None,
        *,
        allow_eval: bool = False,
        options: PageOptions | None = None,
    ) -> None:
        self._hub = hub
        self._options = options or PageOptions()
        self._content_policy = content_policy
        self._allow_eval = allow_eval

    def respond(self, method: str, path: str, query: str, request: Request) -> Response | DrawnPage:
        """Answer a request for a page.

        Args:
            method: in upper case.
            path: below the mount; empty, or beginning with a slash.
            query: as it stands in the address, without ``?``; the app's arguments.
            request: the request, for whose user the page is made.
        """
        if method not in ("GET", "HEAD"):
            return Response(405, headers=[("Allow", "GET, HEAD")])
        if path == "":
            # Relative links need the slash. Nothing of the request but the last name is repeated.
            here = request.path.rpartition("/")[2]
            return _redirect(f"./{quote(here)}/", query)
        if path == _ICON_PATH:
            return self._icon()
        if self._options.fault:
            return self._fault(path, request)
        name = path.strip("/")
        if name == "":
            return self._index(query, request)
        try:
            app = self._hub.app(name)
        except UnknownApp:
            return self._not_found(name, path, request)
        return self._app(app, path, query, request, prepare=method == "GET")

    def _index(self, query: str, request: Request) -> Response:
        apps = list(self._hub.apps.values())
        if not self._options.index:
            return self._not_found("", "/", request)
        if len(apps) == 1 and self._options.redirect_index:
            return _redirect(f"./{quote(apps[0].name)}", query)
        if self._options.render_index is not None:
            return self._html(200, self._options.render_index(apps), self._content_policy or "")
        listed = _links(apps, "./") if apps else "<p>There are no apps here yet.</p>"
        return self._page(200, "Apps", f"<h1>Apps</h1>\n{listed}", "./", request)

    def _app(
        self, app: App, path: str, query: str, request: Request, *, prepare: bool
    ) -> Response | DrawnPage:
        top = _way_up(path)
        if len(query) > _LONGEST_QUERY:
            return self._too_long(top, request)
        try:
            arguments = parse_qs(query, keep_blank_values=True, max_num_fields=1000)
        except ValueError:
            return self._too_long(top, request)
        endpoint = f"{top}{self._options.endpoint}"
        page = {PAGE_PATH: request.path, ENDPOINT_URL: endpoint}
        try:
            ticket, live = self._ticket(app, arguments, replace(request, page=page), prepare=prepare)
        except ConfigurationError:  # Text can always be carried, unless there is too much of it.
            return self._too_long(top, request)

        def respond(drawn: str | None) -> Response:
            if drawn is not None:
                return self._html(200, drawn, self._content_policy or "")
            element = embed_element(app=app.name, ticket=ticket, endpoint=endpoint, height="100%")
            scripts = self._runtime(endpoint)
            traits = app.recipe.traits
            return self._page(
                200, app.title, element, top, request, scripts=scripts, class_="app", traits=traits
            )

        if live is None:
            return respond(None)
        patience = _LONGEST_BUILD if app.recipe.traits.own_page else _LONGEST_LOOK
        return DrawnPage(live.page(self._parts(app, ticket, endpoint)), respond, patience)

    def _ticket(
        self, app: App, arguments: dict[str, list[str]], request: Request, *, prepare: bool
    ) -> tuple[str, LiveSession | None]:
        """A ticket; and its session, if the document has, or may have, a say in how the page looks."""
        page = request.page
        if session := self._session_of_stock_client(arguments):
            user_key = request.user_key
            ticket = self._hub.ticket(app.name, arguments, user_key=user_key, page=page, session_id=session)
            return ticket, None
        if prepare and app.recipe.traits.own_page is not False:
            return self._hub.prepare(app.name, arguments, request, page=page)
        return self._hub.ticket(app.name, arguments, user_key=request.user_key, page=page), None

    def _parts(self, app: App, ticket: str, endpoint: str) -> PageParts:
        assets = self._hub.assets

        def place(root_index: str) -> str:
            return embed_element(
                app=app.name, ticket=ticket, endpoint=endpoint, root_index=root_index, plain=True
            )

        def script(name: str) -> str:
            url = urljoin(f"{endpoint}/", assets.script_url(app.recipe.kind, name))
            if url.endswith((".css", "#module")):  # The runtime loads these, when it loads the rest.
                return ""
            return f'<script src="{escape(url)}"></script>'

        return PageParts(
            root=lambda position: place(str(position)),
            rest=lambda position: place(f"{position}-"),
            script=script,
            runtime=self._runtime(endpoint),
        )

    def _runtime(self, endpoint: str) -> str:
        assets = self._hub.assets
        imports = [f"{endpoint}/{each}" for each in assets.runtime_imports()]
        embed = module_script(f"{endpoint}/{assets.runtime_url()}", modules=imports)
        pages = module_script(f"{endpoint}/{assets.runtime_url('pages.js')}")
        return f"{embed}\n{pages}{self._reloading(endpoint)}"

    def _reloading(self, endpoint: str) -> str:
        if not self._options.generation:
            return ""
        url = f"{endpoint}/{self._hub.assets.runtime_url('generation.js')}?{quote(self._options.generation)}"
        return f"\n{module_script(url)}"

    def _fault(self, path: str, request: Request) -> Response:
        content = f"<h1>This does not start</h1>\n<pre>{escape(self._options.fault)}</pre>"
        return self._page(500, "This does not start", content, _way_up(path), request)

    def _session_of_stock_client(self, arguments: dict[str, list[str]]) -> str:
        """The session that ``bokeh.client.show_session`` wants to be shown; taken out of the arguments."""
        hub = self._hub
        if not hub.settings.stock_clients:
            return ""
        (session, *_) = arguments.pop("bokeh-session-id", [""])
        return session if hub.settings.stock_unsigned or hub.tokens.is_signed(session) else ""

    def _not_found(self, name: str, path: str, request: Request) -> Response:
        top = _way_up(path)
        apps = list(self._hub.apps.values())
        # Without an index, what there is is nobody's business who does not know it.
        listed = apps if self._options.index else []
        known = f"<p>These are here:</p>\n{_links(listed, top)}" if listed else ""
        missing = f"There is no app <b>{escape(name[:200])}</b>." if name else "There is nothing here."
        content = f"<h1>Not found</h1>\n<p>{missing}</p>\n{known}"
        return self._page(404, "Not found", content, top, request)

    def _too_long(self, top: str, request: Request) -> Response:
        content = "<h1>Too long</h1>\n<p>The address of this page carries more than an app can take.</p>"
        return self._page(414, "Too long", content, top, request)

    def _page(
        self,
        status: int,
        title: str,
        content: str,
        top: str,
        request: Request,
        *,
        scripts: str = "",
        class_: str = "list",
        traits: Traits | None = None,
    ) -> Response:
        style = f"{top}{ENDPOINT}/{self._hub.assets.runtime_url('pages.css')}"
        text = f"""<!doctype html>
<html lang="en" class="{class_}">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{escape(title)}</title>
{self._icon_link(top)}<link rel="stylesheet" href="{escape(style)}">
{scripts or self._reloading(f"{top}{ENDPOINT}")}
</head>
<body>
<main>
{content}
</main>
</body>
</html>
"""
        policy = self._content_policy
        if policy is None:
            policy = self._policy(request, traits or Traits())
        return self._html(status, text, policy)

    def _icon(self) -> Response:
        if self._options.icon is None:
            return Response(404)
        return Response(200, self._options.icon.content, [("Content-Type", self._options.icon.content_type)])

    def _icon_link(self, top: str) -> str:
        # Browsers ask for an icon that is not named, and complain of one that is not there.
        href = "data:," if self._options.icon is None else f"{escape(top)}favicon.ico"
        return f'<link rel="icon" href="{href}">\n'

    def _html(self, status: int, text: str, policy: str) -> Response:
        headers = [
            ("Content-Type", "text/html; charset=utf-8"),
            ("Cache-Control", "no-store"),  # It holds a ticket that grows old, and is made for one user.
        ]
        if policy:
            headers.append(("Content-Security-Policy", policy))
        # Apps may have forms and links to the site itself, which may ask where a visitor comes from.
        return sealed(Response(status, text.encode(errors="replace"), headers), referrer="same-origin")

    def _policy(self, request: Request, traits: Traits) -> str:
        # An app that holds JavaScript as text wants it to run.
        scripts = "'self' 'unsafe-eval'" if traits.evaluates or self._allow_eval else "'self'"
        if traits.inserts:
            scripts += " 'unsafe-inline' blob:"
        connect = "connect-src 'self'"
        if _PLAIN_HOST.fullmatch(request.host):
            # Some browsers do not take a socket of the same host for 'self'.
            connect += f" {'wss' if request.scheme == 'https' else 'ws'}://{request.host}"
        return (
            f"default-src 'self'; script-src {scripts}; style-src 'self' 'unsafe-inline'; "
            f"img-src 'self' data:; {connect}"
        )


def _links(apps: list[App], top: str) -> str:
    items = "\n".join(
        f'<li><a href="{escape(top + quote(app.name))}">{escape(app.title)}</a></li>'
        for app in sorted(apps, key=lambda each: each.title.lower())
    )
    return f"<ul>\n{items}\n</ul>"


def _way_up(path: str) -> str:
    """From a page's path, the relative way to where the pages begin."""
    return "../" * (path.count("/") - 1) or "./"


def _redirect(location: str, query: str) -> Response:
    # Only what may stand in an address is repeated, so that nothing else gets into the header.
    kept = quote(query, safe="=&%+-_.~!*'();:@,/?$[]")
    target = f"{location}?{kept}" if kept else location
    return Response(302, headers=[("Location", target), ("Cache-Control", "no-store")])
