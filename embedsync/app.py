"""Apps: named recipes, each of which fills new documents."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection, Generator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from embedsync.document import Document, DocumentHost
from embedsync.request import Request

__all__ = ["App", "Recipe", "SessionInfo", "Traits"]


@dataclass(frozen=True, slots=True)
class SessionInfo:
    """What a recipe may know about the session that it fills a document for.

    Attributes:
        id: id of the session.
        app: name of the app.
        arguments: the app's arguments, as signed by the page: each name with its values.
        request: the handshake of the first visit.
        debug: whether details of errors may be shown to the visitor.
        logout_url: where the visitor can log out, if the site says so.
        authority: the profile of the site, for apps that have none of their own; see
            :attr:`embedsync.settings.Settings.authority`.
    """

    id: str
    app: str
    arguments: Mapping[str, list[bytes]]
    request: Request
    debug: bool = False
    logout_url: str | None = None
    authority: str = "closed"


@dataclass(slots=True)
class Traits:
    """What a recipe has found out about its documents, for whoever makes pages for them.

    Attributes:
        own_page: whether some draw their page themselves; ``None`` before the first was built.
        evaluates: whether some hold JavaScript as text.
        inserts: whether some put scripts into the page, as text.
    """

    own_page: bool | None = None
    evaluates: bool = False
    inserts: bool = False


class Recipe(Protocol):
    """Fills documents. Made once for each app; its methods may be called by several threads.

    It may have an attribute ``extensions``, an :class:`embedsync.assets.ExtensionFiles`. One with a true
    attribute ``builds_ahead`` can be asked for a document before a visitor has come: ``request.ahead`` of the
    session is then set, and told when something of the visit is looked at, and the document is a
    :class:`~embedsync.document.Meeting`.
    """

    @property
    def traits(self) -> Traits:
        """What is known of its documents by now."""

    @property
    def kind(self) -> str:
        """Kind of the documents, such as ``"bokeh"``."""

    def check(self) -> None:
        """Look for mistakes that can be seen without running the app.

        Raises:
            ConfigurationError: naming the file and the line.
        """

    def load(self) -> Generator[Awaitable[Any], Any, None] | None:
        """Run the hooks for the beginning of the process, unless that was done; ``None`` if there are none.

        The first session does it, if nobody does before. Yields awaitables as :meth:`build` does.
        """

    def scripts(self) -> Mapping[str, Path]:
        """Files of the scripts that documents may name, by the file name that they use for them."""

    def build(self, host: DocumentHost, session: SessionInfo) -> Generator[Awaitable[Any], Any, Document]:
        """Make a document and run the app's code on it, as one turn.

        Yields awaitables of asynchronous app code, each to be awaited on the application loop
        and its result sent back; returns the document. An exception of the app's code leaves
        the generator, after everything begun has been undone.
        """

    def close(self) -> None:
        """The process stops: run the app's last hooks, let go of files and modules."""


@dataclass(frozen=True, slots=True)
class App:
    """A recipe under a name.

    Attributes:
        name: as in ``embed_app("name")`` and in URLs.
        recipe: what fills its documents.
        shared: one session for all who open the app with the same arguments.
        grace: seconds to keep a session without any browser; ``None`` for the hub's setting.
        prebuild: so many documents are built in idle time, for the next visitors.
        recover: should a session be lost, with its process or after its grace, what the person had put in
            is put into a new one. Never where several visitors share a session.
        title: for index pages.
        permission: says whether the maker of a request may use the app. Asked when a page is made,
            when a session is opened or resumed, and again while it lasts; may ask a database.
        script_tag: pages that no template of the site made may show the app, by a script tag: whoever
            may load them can open it. Without it, only pages to which the site gave a ticket can.
        script_arguments: names of the arguments that such pages may give; all if ``None``. They are not
            signed: any visitor can write others.
        sessions: live ones of this app in a process; those who come when there are so many wait. Only the
            hub's setting counts if ``None``.
    """

    name: str
    recipe: Recipe
    shared: bool = False
    grace: float | None = None
    title: str = ""
    permission: Callable[[Request], bool] | None = None
    script_tag: bool = False
    script_arguments: Collection[str] | None = ()
    recover: bool = True
    sessions: int | None = None
    prebuild: int = 0
