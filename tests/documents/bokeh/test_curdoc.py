from __future__ import annotations

import asyncio
import contextvars
import threading
import weakref

from bokeh.document import Document
from bokeh.io import curdoc
from bokeh.io.doc import patch_curdoc, set_curdoc

from embedsync.documents.bokeh.curdoc import CurrentDocument, install
from tests.documents.bokeh.harness import Live


def test_installing_again_changes_nothing() -> None:
    assert install() is install()


def test_curdoc_outside_of_turns_is_what_it_always_was() -> None:
    before, own = curdoc(), Document()
    install()
    set_curdoc(own)
    try:
        assert curdoc() is own
        other = Document()
        with patch_curdoc(other):
            assert curdoc() is other
        assert curdoc() is own
    finally:
        set_curdoc(before)


def test_two_threads_have_their_own_document_at_the_same_time() -> None:
    documents = [Document(), Document()]
    meet, seen = threading.Barrier(2), {}

    def work(number: int) -> None:
        with CurrentDocument(documents[number]):
            meet.wait(60)
            seen[number] = curdoc()
            meet.wait(60)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(2)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    assert seen == {0: documents[0], 1: documents[1]}


def test_tasks_and_copied_contexts_inherit_the_document() -> None:
    document, seen = Document(), []

    async def child() -> None:
        await asyncio.sleep(0)
        seen.append(curdoc())

    async def turn() -> None:
        with CurrentDocument(document):
            task = asyncio.create_task(child())
            context = contextvars.copy_context()
            await asyncio.to_thread(lambda: seen.append(curdoc()))
        await task
        thread = threading.Thread(target=lambda: context.run(lambda: seen.append(curdoc())))
        thread.start()
        thread.join()
        assert curdoc() is not document

    asyncio.run(turn())
    assert seen == [document] * 3


def test_what_app_code_leaves_on_the_stack_ends_with_its_turn() -> None:
    live = Live(lambda doc: None)
    before, other, seen = curdoc(), Document(), []

    def leaves_it() -> None:
        # As Bokeh 3.9 does when something raises within its patch_curdoc.
        stack = install()
        stack.set((*stack.get(), weakref.ref(other)))
        assert curdoc() is other

    live.do(leaves_it)
    assert curdoc() is before
    live.do(lambda: seen.append(curdoc()))
    assert seen == [live.doc]


def test_nothing_is_patched_by_importing() -> None:
    import subprocess
    import sys

    code = (
        "import bokeh.io.doc, bokeh.io, bokeh.plotting, sys, threading\n"
        "before = type(bokeh.io.doc._PATCHED_CURDOCS), bokeh.io.show, threading.active_count()\n"
        "import embedsync.documents.bokeh.apps.script, embedsync.documents.bokeh.apps.directory\n"
        "import embedsync.documents.bokeh.apps.application\n"
        "assert before == (type(bokeh.io.doc._PATCHED_CURDOCS), bokeh.io.show, threading.active_count())\n"
        "assert 'tornado' not in sys.modules\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
