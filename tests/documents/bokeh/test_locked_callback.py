"""Functions that any thread may call, and that run as turns."""

from __future__ import annotations

import threading
from typing import Any

import pytest
from bokeh.io import curdoc
from bokeh.models import Div

from embedsync.documents.bokeh.locked_callback import LockedCallback
from embedsync.errors import MailboxFull
from tests.documents.bokeh.harness import Live, run_steps


def made(policy: str) -> tuple[Live, LockedCallback, list[Any]]:
    """An app whose function notes what it is called with; it fails on ``0``."""
    calls: list[Any] = []
    found: list[LockedCallback] = []

    def app(doc: Any) -> None:
        div = Div(text="")

        @doc.locked_callback(policy=policy)
        def update(value: int, *, more: int = 0) -> None:
            """Show a value."""
            assert curdoc() is doc
            calls.append((value, more))
            if value == 0:
                raise ValueError("not this one")
            div.text = str(value)

        found.append(update)
        doc.add_root(div)

    return Live(app), found[0], calls


def from_a_thread(*steps: Any) -> None:
    def run() -> None:
        for step in steps:
            step()

    thread = threading.Thread(target=run)
    thread.start()
    thread.join()


def test_each_call_from_a_thread_is_a_turn_of_its_own() -> None:
    live, update, calls = made("every")
    from_a_thread(lambda: update(1), lambda: update(2, more=3))
    assert (calls, update.pending) == ([], True)
    live.settle()
    assert calls == [(1, 0), (2, 3)]
    assert (live.doc.roots[0].text, update.pending) == ("2", False)


def test_of_several_waiting_calls_only_the_latest_counts_if_that_is_asked_for() -> None:
    live, update, calls = made("latest")
    from_a_thread(lambda: update(1), lambda: update(2), lambda: update(3))
    live.settle()
    assert calls == [(3, 0)]
    update(4)
    live.settle()
    assert calls == [(3, 0), (4, 0)]


def test_a_call_that_fails_does_not_take_the_next_one_along() -> None:
    live, update, calls = made("every")
    from_a_thread(lambda: update(0), lambda: update(1))
    live.settle()
    assert calls == [(0, 0), (1, 0)]
    assert [str(error) for error, _ in live.host.reports] == ["not this one"]


def test_with_a_full_mailbox_calls_wait_and_are_not_lost() -> None:
    live, update, calls = made("every")
    post, full = live.host.post, True

    def refuse(turn: Any) -> None:
        if full:
            raise MailboxFull("turns", 1)
        post(turn)

    live.host.post = refuse  # type: ignore[method-assign]
    update(1)
    full = False
    live.advance(1.0)
    assert calls == [(1, 0)]


def test_calls_that_nobody_can_keep_up_with_are_refused_to_their_caller() -> None:
    _, update, _ = made("every")
    for value in range(1000):
        update(value)
    with pytest.raises(RuntimeError, match="policy='latest'"):
        update(1000)


def test_once_the_session_has_ended_calls_are_ignored() -> None:
    live, update, calls = made("every")
    update(1)
    run_steps(live.document.end())
    live.settle()
    update(2)
    assert (calls, update.closed, update.pending) == ([], True, False)


def test_the_function_keeps_its_name_and_a_policy_that_does_not_exist_is_refused() -> None:
    live, update, _ = made("latest")
    assert (update.__name__, update.__doc__, update.policy) == ("update", "Show a value.", "latest")  # type: ignore[attr-defined]
    with pytest.raises(ValueError, match="'sometimes'; there are every, latest"):
        live.doc.locked_callback(policy="sometimes")  # type: ignore[attr-defined]
    plain = live.doc.locked_callback(lambda: None)  # type: ignore[attr-defined]
    assert plain.policy == "every"
