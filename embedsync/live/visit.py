"""What a session is for: an app, and a visit."""

from __future__ import annotations

from dataclasses import dataclass

from embedsync.app import App, SessionInfo

__all__ = ["Visit"]


@dataclass(slots=True, eq=False)
class Visit:
    """The app that a session runs, and the visit that it runs it for.

    Attributes:
        app: what fills the document.
        info: what the app may know of the visit. Another one takes its place once the visitor has come for
            whom the document was built ahead.
        meeting: whether several visitors meet here: the app is shared, or the page has named the session.
    """

    app: App
    info: SessionInfo
    meeting: bool

    @property
    def id(self) -> str:
        """The session's id."""
        return self.info.id
