"""Live Bokeh apps inside the pages of an existing Flask, Django or ASGI site.

Importing this package starts nothing and needs none of Bokeh, Flask, Django.
"""

from embedsync.app import App
from embedsync.authority import allow_client_write
from embedsync.errors import (
    BuildError,
    ConfigurationError,
    EmbedSyncError,
    LimitReached,
    MailboxFull,
    ProtocolError,
    Refused,
    SessionEnded,
    TicketError,
    TicketExpired,
    TicketInvalid,
    UnknownApp,
)
from embedsync.hub import Hub
from embedsync.settings import Settings
from embedsync.threads import thread

__version__ = "0.1.0"

__all__ = [
    "App",
    "BuildError",
    "ConfigurationError",
    "EmbedSyncError",
    "Hub",
    "LimitReached",
    "MailboxFull",
    "ProtocolError",
    "Refused",
    "SessionEnded",
    "Settings",
    "TicketError",
    "TicketExpired",
    "TicketInvalid",
    "UnknownApp",
    "__version__",
    "allow_client_write",
    "thread",
]
