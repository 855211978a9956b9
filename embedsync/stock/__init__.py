"""Bokeh's own wire protocol, for clients that are not ours: stock BokehJS and ``bokeh.client``.

A second codec over the same sessions. A stock client is one more viewer of a session: what it
sends becomes edits, what is committed is sent to it in its own language.

| module | the one idea |
|---|---|
| `messages` | what one message of Bokeh is, in WebSocket messages; bounded before it is met |
| `known` | definitions of models inside of events, and what to do about one that is sent again |
| `view` | what a client has been told and holds: roots, models, and what it may have missed |
| `connection` | one socket of a stock client as a state machine |
| `tokens` | Bokeh's session ids and tokens: signed, read, bounded |
| `door` | from a handshake to a session |
| `pages` | ``autoload.js``, ``metadata`` and Bokeh's files |
"""
