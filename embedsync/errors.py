"""Every error that embedsync raises.

::

    EmbedSyncError
    ├── ConfigurationError     a setting, an app or an argument is wrong; the message names it
    │   └── UnknownApp         no app of that name was added
    ├── BuildError             an app raised while it filled a document
    ├── LooksAtVisit           a document built ahead of its visitor looks at the visit
    ├── ProtocolError          the other side sent what the protocol does not allow
    ├── Refused                an edit was refused; nothing has changed
    ├── TicketError            a ticket does not grant what is asked
    │   ├── TicketExpired      … because it is too old; a fresh one can be had
    │   └── TicketInvalid      … because it was altered, or made for something else
    │       └── TicketOfAnother    … for another user
    ├── LimitReached           a bound of this process was reached; trying later may work
    ├── MailboxFull            too many turns wait for one session
    ├── Unfamiliar             a module of the browser runtime cannot be joined with the others
    └── SessionEnded           the session is over
"""

from __future__ import annotations

from collections.abc import Sequence

__all__ = [
    "BuildError",
    "ConfigurationError",
    "EmbedSyncError",
    "LimitReached",
    "LooksAtVisit",
    "MailboxFull",
    "ProtocolError",
    "Refused",
    "SessionEnded",
    "TicketError",
    "TicketExpired",
    "TicketInvalid",
    "TicketOfAnother",
    "Unfamiliar",
    "UnknownApp",
]


class EmbedSyncError(Exception):
    """Base of all errors of this package."""


class ConfigurationError(EmbedSyncError):
    """A setting, an app or an argument is wrong. The message says which and what to write."""


class UnknownApp(ConfigurationError):
    """There is no app of this name.

    Attributes:
        name: the name that was asked for.
        known: the names that exist.
    """

    def __init__(self, name: str, known: Sequence[str]) -> None:
        self.name = name
        self.known = tuple(known)
        listed = ", ".join(repr(each) for each in sorted(known)) or "none"
        super().__init__(f"there is no app {name!r}; known apps: {listed}")


class BuildError(EmbedSyncError):
    """An app raised while it filled a document; the cause is the app's exception."""


class LooksAtVisit(EmbedSyncError):
    """A document that is built ahead of its visitor looks at something of the visit."""


class ProtocolError(EmbedSyncError):
    """The other side sent something that the protocol does not allow.

    Attributes:
        code: a close code of :class:`embedsync.wire.Close`.
    """

    def __init__(self, code: int, message: str) -> None:
        self.code = code
        super().__init__(message)


class Refused(EmbedSyncError):
    """An edit was refused as a whole; nothing has changed.

    Attributes:
        code: one of :class:`embedsync.wire.Refusal`, told to the browser.
        detail: for the server's log; never sent.
        where: the class and the property that it was about, if that is known.
    """

    def __init__(self, code: str, detail: str = "", where: str = "") -> None:
        self.code = code
        self.detail = detail
        self.where = where
        super().__init__(f"{code}: {detail}" if detail else code)


class TicketError(EmbedSyncError):
    """A ticket does not grant what it was shown for."""


class TicketExpired(TicketError):
    """The ticket is authentic but too old."""


class TicketInvalid(TicketError):
    """The ticket was altered, signed with another key, or made for something else."""


class TicketOfAnother(TicketInvalid):
    """The ticket is authentic, but was made for another user: somebody has logged in or out since."""


class LimitReached(EmbedSyncError):
    """A bound of this process was reached.

    Attributes:
        setting: name of the setting that holds the bound.
    """

    def __init__(self, setting: str, limit: int) -> None:
        self.setting = setting
        self.limit = limit
        super().__init__(f"the limit of {limit} was reached (setting {setting!r})")


class MailboxFull(LimitReached):
    """Too many turns are waiting for one session."""


class SessionEnded(EmbedSyncError):
    """The session is over; nothing can be asked of it any more."""


class Unfamiliar(EmbedSyncError):
    """A module of the browser runtime has something in it that is not surely understood.

    What ships has none. The message says where it is, and what.
    """

    def __init__(self, name: str, line: int, problem: str) -> None:
        super().__init__(f"{name}:{line}: {problem}")
