"""Threads of application code."""

import contextvars
import threading

import pytest

from embedsync import thread

WAIT = 20.0
variable: contextvars.ContextVar[str] = contextvars.ContextVar("variable", default="elsewhere")


def test_a_thread_runs_in_a_copy_of_the_context_that_started_it() -> None:
    seen: list[str] = []

    def work(*, word: str) -> None:
        seen.append(f"{word} {variable.get()}")
        variable.set("changed")

    def in_context() -> None:
        variable.set("here")
        thread(work, word="is").join(WAIT)
        seen.append(variable.get())

    contextvars.copy_context().run(in_context)
    assert seen == ["is here", "here"]


def test_a_thread_does_not_keep_the_process_alive() -> None:
    assert thread(lambda: None).daemon


def test_curdoc_is_the_document_of_the_turn_in_its_threads() -> None:
    bokeh = pytest.importorskip("bokeh.io")
    from bokeh.document import Document

    from embedsync.documents.bokeh.curdoc import CurrentDocument

    document, seen, done = Document(), [], threading.Event()

    def work() -> None:
        seen.append(bokeh.curdoc() is document)
        done.set()

    with CurrentDocument(document):
        thread(work)
        assert done.wait(WAIT)
    assert seen == [True]
