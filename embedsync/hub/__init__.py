"""The hub: the apps and the live sessions of one process.

| module | the one idea |
|---|---|
| `hub` | joins the others; what sites and adapters call |
| `apps` | apps by their names, and what is wrong with one |
| `granting` | tickets for pages: made, and renewed |
| `origin_check` | which pages may connect |
| `sockets` | the sockets that are there, and how many there may be |
| `opening` | what a socket brings: a ticket is shown, a session resumed, frames are passed on |
| `sessions` | the live sessions: found by where visitors meet, or begun |
| `making` | a session for a visitor, or for nobody yet |
| `room` | whether there may be one session more, and what is ended for it |
| `lifetime` | the beginning of a process, and its end |

Each is handed those that it needs; none knows `hub`.
"""

from embedsync.counters import Counters
from embedsync.hub.apps import check_name, known_options
from embedsync.hub.hub import Hub

__all__ = ["Counters", "Hub", "check_name", "known_options"]
