"""Settings: every bound and every wait of the engine, with its reason."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from typing import Any

from embedsync.errors import ConfigurationError

__all__ = ["Settings"]

_KIB = 1024
_MIB = 1024 * _KIB


@dataclass(frozen=True, kw_only=True)
class Settings:
    """Bounds, waits and switches of one hub. Sizes are bytes, times are seconds.

    Raises:
        ConfigurationError: a value is out of its range; the message names the setting.
    """

    debug: bool = False
    """Show tracebacks of apps and callbacks that fail to visitors, and serve each module of the browser
    runtime as it is, for the developer tools of browsers. Never in production."""
    allowed_origins: tuple[str, ...] = ()
    """Origins other than the site's own whose pages may connect: ``"https://example.org"``."""
    cookies_without_origin: bool = False
    """Let clients connect that send cookies and no ``Origin``, as scripts may. Browsers always send one."""
    authority: str = "closed"
    """What browsers may change. ``"closed"``: what a person can change through what is shown, and what
    ``allow_client_write`` adds. ``"compat"``: all that ``bokeh serve`` allows. An app may have its own."""
    accelerate: bool = False
    """Change classes of Bokeh so that apps are built in a third of the time, for all code of this process
    and until it ends. Refuses versions of Bokeh that it was not tested with."""

    heartbeat: float = 25.0
    """Between pings. Below the 60 s after which common proxies cut an idle connection."""
    heartbeat_timeout: float = 10.0
    """Beyond ``heartbeat``, how long a silent peer counts as alive."""
    handshake_timeout: float = 10.0
    """From the socket's start to its first ``open``."""
    send_timeout: float = 30.0
    """How long a browser may take nothing of what waits for it, before its socket is closed."""

    slowest_link: int = 16 * _KIB
    """Bytes per second. A browser that takes what was sent at no less than this is waited for, beyond
    ``send_timeout`` and ``heartbeat_timeout``."""

    message_bytes: int = 20 * _MIB
    """Largest message taken from a browser; Bokeh's server has the same default."""
    opening_message_bytes: int = 20 * _KIB
    """Largest message before the first ``open`` was granted."""
    buffers_per_message: int = 256
    """Binary buffers in one message, such as the array columns of a data source."""
    json_depth: int = 64
    """Nesting of an edit."""
    json_nodes: int = 1_000_000
    """Values in an edit."""
    attachments_per_connection: int = 64
    """Live documents of one page."""
    unanswered_edits: int = 64
    """Edits of one replica that may be under way without an answer; the browser merges the rest."""
    edits_per_second: float = 200.0
    """Edits taken from one socket, after five times as many at once; a socket that sends more is closed, and
    may come back. Browsers merge the rest: a drag makes 60 to 240 a second, and is slowed at the most."""
    frames_per_second: float = 1000.0
    """Frames of all kinds taken from one socket, after five times as many at once; beyond, it is closed as
    well. Answers to our own pings are not counted."""
    user_edits_per_second: float = 1000.0
    """Edits taken from all sockets of one user in this process, after five times as many at once; beyond, the
    socket that sends them is closed."""
    unacknowledged_results: int = 1024
    """Results kept for a replica that does not acknowledge them; beyond, it is cut off."""
    unacknowledged_bytes: int = 16 * _MIB
    """Bytes of such results; beyond, it is cut off."""

    stock_clients: bool = False
    """Let clients connect that speak Bokeh's own protocol: pages of stock BokehJS, ``bokeh.client``."""
    stock_unsigned: bool = False
    """Take session ids and tokens that nobody has signed, as ``bokeh serve`` does by itself: whoever can
    connect may open sessions under names of their choice, and join those whose names they know."""
    stock_unanswered_edits: int = 4096
    """Edits of one stock client that may wait for an answer: it does not merge them itself."""
    stock_edits_per_second: float = 1000.0
    """Edits taken from one stock client, after five times as many at once: it can neither merge nor wait."""
    stock_requests: int = 64
    """Other questions of one stock client that may wait for an answer, such as for the document."""

    queue_bytes: int = 256 * _KIB
    """What may wait for one socket before its documents are no longer sent op by op, but caught up
    by one merged op, or a snapshot, once it has drained."""
    queue_bytes_hard: int = 1 * _MIB
    """What may wait for one socket in results and notices; beyond, it is closed as too slow. Also what
    may be under way to a browser that has not confirmed it; more is not handed to the server."""
    log_ops: int = 1000
    """Ops that a session keeps for those who come back."""
    log_bytes: int = 4 * _MIB
    """Bytes of ops that a session keeps."""
    resync_interval: float = 1.0
    """Between whole documents sent to one browser that asks for them because it cannot go on."""

    mailbox_limit: int = 1000
    """Turns that may wait for one session; a further one is refused with ``MailboxFull``."""
    mailbox_bytes: int = 64 * _MIB
    """Bytes of edits that may wait for one session; a browser that sends more is cut off, and comes back."""
    workers: int = 16
    """Threads that run app code side by side."""
    workers_limit: int = 128
    """Threads at the most, counting those stuck in long turns. Besides, there may be one that only reads
    sockets."""
    long_turn: float = 1.0
    """After this, a running turn no longer counts against ``workers``; another thread may start."""
    busy_after: float = 0.3
    """After this, browsers are told that their session is at work."""
    slow_turn: float = 10.0
    """After this, the log says where the code of a turn is."""
    turn_limit: float | None = None
    """After this, a session is ended whose code has not come back, and its thread counts as lost. Never,
    if ``None``."""
    lost_threads: int = 64
    """Threads that may be lost to code that never comes back. Those beyond count against
    ``workers_limit`` like any other, and the log asks for a restart."""
    flush_interval: float | None = None
    """While a callback runs, send what it has changed no more often than this; only at its end, if
    ``None``. A callback may send at any time by ``curdoc().session_context.flush()``."""

    tune_interpreter: bool = False
    """Set Python up for live documents, in the whole process: threads that compute let others run after 1 ms
    rather than 5, full collections of garbage wait until nobody is served, or have become urgent, and on
    glibc threads share one heap, of which what sessions have left is given back to the machine. For processes
    that do little else; ``embedsync serve`` does it."""

    grace: float = 120.0
    """How long a session without any browser is kept. Apps may have their own."""
    absent_browsers: int = 1000
    """Browsers of one session that are gone and may come back within its ``grace``; beyond, the first ones
    that left are forgotten, and open the session anew when they come."""
    unclaimed: float = 30.0
    """How long a session is kept that was begun with its page, before the page's browser has come."""
    undrawn_pages: int = 100
    """Pages that may wait for one session to draw them; a further one is sent at once, and shows the app
    without the app's own page around it."""
    prebuilt_age: float = 300.0
    """How long a document may be kept that was built ahead of its visitor (``prebuild`` of an app). Then
    another is built in its place: what it has read, of a file or a database, is not older than this."""
    sessions: int = 1000
    """Live sessions of this process."""
    sessions_per_user: int | None = 50
    """Live sessions that one user may have begun in this process: each app on each open page is one. Beyond,
    one of theirs that nobody looks at ends; without any, they wait until they close one. No limit, if
    ``None``."""
    sessions_per_address: int | None = None
    """The same for those who are not logged in, by the address that the server gives. Only for sites whose
    server knows it: behind a proxy that it was not told of, all visitors have one address."""
    session_bytes: int = 2048 * _MIB
    """Bytes of the logs and documents of all sessions, as far as they are known. Beyond, sessions that nobody
    looks at end, the first ones left first; without any, further visitors wait."""
    sockets: int | None = None
    """Open sockets of this process; beyond, one that has shown no ticket for over a second makes room, and
    without any, visitors wait for a free place. If ``None``: in Flask, half of the files that the
    process may have open (``ulimit -n``), elsewhere no limit. Where each socket holds a thread of the server,
    as on gunicorn's ``gthread`` with its own TLS, this must stay below their number."""
    orphans: int = 250
    """Sessions without any browser that are kept for their ``grace``; beyond, the first ones left end."""
    orphan_bytes: int = 256 * _MIB
    """Bytes of the logs and documents of such sessions; beyond, those that were left first end."""
    unopened_sockets: int = 200
    """Sockets that have shown no ticket yet; for a further one, the one that has shown none for longest is
    closed, if that is over a second, else the further one. It may come back."""
    log_lines: int = 1000
    """Lines that may wait for a log that is stuck; further ones are dropped, and counted."""
    socket_lines: float = 1.0
    """Warnings a second, and lines of the audit log, about one socket, after twenty in its first moments;
    further ones are left out, and counted."""
    audit_lines: float = 100.0
    """Lines a second of the audit log, after ten times as many at once; further ones are left out, and the
    next line says how many."""
    ticket_age: float = 300.0
    """How long a ticket opens a session, from the moment its page was made."""
    ticket_renewal_age: float = 7 * 86400.0
    """How long an authentic ticket can be traded for a fresh one, by the page that holds it."""
    used_tickets: int = 100_000
    """Tickets that have opened a session and are remembered for ``ticket_age``, so that they open no other.
    Beyond, the first ones used are forgotten; pages that are as old as these ask for a fresh ticket first."""
    revalidation: float = 60.0
    """Between looks at whether a visitor is still logged in, and may still use the app."""
    logout_url: str | None = None
    """Where visitors can log out: apps find it as ``session_context.logout_url``, to show a link."""
    stop_timeout: float = 10.0
    """How long a stopping process waits for running turns."""
    drain_spread: float = 5.0
    """When a process stops, browsers come back at random moments within this, and 1/200 of a second more for
    each of them, so that they do not all come at once."""

    @classmethod
    def of(cls, values: Mapping[str, Any], *, written: Callable[[str], str] = str) -> Settings:
        """Make settings of what a site's configuration says.

        Args:
            values: by the name of the field; a list of origins will do for a tuple.
            written: how the author of the site writes the setting that a field stands for.

        Raises:
            ConfigurationError: there is no such setting, or its value is out of range.
        """
        known = [each.name for each in fields(cls)]
        for name in values:
            if name not in known:
                close = difflib.get_close_matches(name, known, 1)
                hint = f"; did you mean {written(close[0])}?" if close else ""
                raise ConfigurationError(f"there is no setting {written(name)}{hint}")
        given: dict[str, Any] = {
            name: tuple(each) if isinstance(each, list) else each for name, each in values.items()
        }
        return cls(**given)

    def __post_init__(self) -> None:
        for each in fields(self):
            _check(each.name, str(each.type), getattr(self, each.name))
        if self.workers_limit < self.workers:
            raise ConfigurationError("setting 'workers_limit' must not be below 'workers'")
        if self.authority not in ("closed", "compat"):
            raise ConfigurationError(
                f"setting 'authority' must be 'closed' or 'compat', not {self.authority!r}"
            )
        if self.queue_bytes_hard < self.queue_bytes:
            raise ConfigurationError("setting 'queue_bytes_hard' must not be below 'queue_bytes'")


_KINDS: dict[str, tuple[tuple[type, ...], str]] = {
    "bool": ((bool,), "True or False"),
    "int": ((int,), "a whole number"),
    "float": ((int, float), "a number"),
    "tuple[str, ...]": ((tuple,), "a list of texts"),
    "str": ((str,), "text"),
}


def _check(name: str, kind: str, value: Any) -> None:
    """Refuse a value of another type than the setting has, such as the text of a variable, or below 0."""
    kind, _, optional = kind.partition(" | ")
    if optional and value is None:
        return
    types, words = _KINDS[kind]
    fits = isinstance(value, types) and (kind == "bool") == isinstance(value, bool)
    if not fits or (isinstance(value, tuple) and not all(isinstance(each, str) for each in value)):
        raise ConfigurationError(f"setting {name!r} must be {words}, not {value!r}")
    if isinstance(value, int | float) and not isinstance(value, bool) and not value > 0:
        raise ConfigurationError(f"setting {name!r} must be above 0, not {value!r}")
