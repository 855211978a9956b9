"""A live session: the core's session with its mailbox, its timers and its way to the browsers.

| module | the one idea |
|---|---|
| `session` | joins the others; what the hub calls |
| `visit` | the app and the visit that a session is for |
| `built` | the document as it is built, and the core's session that keeps it; the turn of an edit |
| `turns` | turns of app code: what they change is committed, what they await is passed on |
| `surroundings` | what turns run in |
| `watched` | the running turn, as the watchdog looks after it |
| `host` | what the document may ask for |
| `entrance` | how browsers come in, for the first time or back |
| `presence` | who is here, whether more are let in, how long the session waits with nobody here |
| `known_replicas` | who may come back, and how long each is waited for |
| `receiving` | frames of browsers |
| `catching_up` | browsers that have missed something |
| `leaving` | how browsers leave; the app is told of those that were lost |
| `drawn_pages` | pages that a document draws itself |
| `ending` | the end, once |
| `failures` | exceptions of app code, under an id |
| `records` | what is written down of browsers |

Each is handed those that it needs, and they are made in that order; none knows `session`.
"""

from embedsync.live.session import LiveSession, document_of

__all__ = ["LiveSession", "document_of"]
