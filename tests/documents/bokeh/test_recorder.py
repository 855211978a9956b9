from __future__ import annotations

import functools
import math
import threading
from typing import Any

import numpy as np
import pytest
from bokeh.io import curdoc
from bokeh.models import Button, Column, ColumnDataSource, Div, Range1d, Slider

from embedsync.documents.bokeh.recorder import Recorder
from tests.documents.bokeh.harness import Live, Mirror, events, kinds, write


def live_with(*models: Any) -> Live:
    return Live(lambda doc: doc.add_root(Column(*models)))


def test_a_written_property_is_drained_once_with_its_value_now() -> None:
    slider = Slider(start=0, end=10, value=1)
    live = live_with(slider)

    def drag() -> None:
        for value in range(5):
            slider.value = value

    assert live.do(drag) == [{"kind": "ModelChanged", "model": {"id": slider.id}, "attr": "value", "new": 4}]
    live.check_mirror()


def test_a_callback_that_clamps_leaves_browsers_with_the_clamped_value() -> None:
    slider = Slider(start=0, end=10, value=1)

    def clamp(attr: str, old: float, new: float) -> None:
        slider.value = min(new, 5)

    slider.on_change("value", clamp)
    live = live_with(slider)
    live.do(lambda: setattr(slider, "value", 9))
    assert live.value_of(slider, "value") == 5

    edited = live.edit(write(slider, "value", 8))
    assert [each["new"] for each in events(edited.patch)] == [8]
    assert [each["new"] for each in events(edited.effects)] == [5]
    live.check_mirror()


def test_what_was_written_before_a_callback_raises_still_reaches_browsers() -> None:
    slider, div = Slider(start=0, end=10, value=1), Div(text="")

    def fails(attr: str, old: float, new: float) -> None:
        div.text = "half"
        raise RuntimeError("no more")

    slider.on_change("value", fails)
    live = live_with(slider, div)
    live.edit(write(slider, "value", 3))
    assert live.value_of(div, "text") == "half"
    assert [(str(error), "on_change" in what) for error, what in live.host.reports] == [("no more", True)]


def test_a_raising_callback_does_not_stop_the_others() -> None:
    slider, ran = Slider(start=0, end=10, value=1), []

    def fails(attr: str, old: float, new: float) -> None:
        raise RuntimeError

    slider.on_change("value", fails, lambda attr, old, new: ran.append(new))
    live = live_with(slider)
    live.edit(write(slider, "value", 3))
    live.do(lambda: setattr(slider, "value", 4))
    assert ran == [3, 4]
    assert len(live.host.reports) == 2


def test_callbacks_of_writes_by_python_run_at_once_and_nested() -> None:
    one, two, order = Slider(start=0, end=10, value=1), Slider(start=0, end=10, value=1), []
    one.on_change("value", lambda attr, old, new: (setattr(two, "value", new), order.append("one")))
    two.on_change("value", lambda attr, old, new: order.append("two"))
    live = live_with(one, two)
    live.do(lambda: (setattr(one, "value", 4), order.append("after")))
    assert order == ["two", "one", "after"]


def test_callbacks_of_an_edit_wait_until_it_is_applied_and_get_old_and_new() -> None:
    one, two = Slider(start=0, end=10, value=1), Slider(start=0, end=10, value=2)
    seen: list[Any] = []
    one.on_change("value", lambda attr, old, new: seen.append((old, new, two.value)))
    live = live_with(one, two)
    live.edit(write(one, "value", 5), write(two, "value", 6))
    assert seen == [(1, 5, 6)]


def test_the_writes_of_an_edit_are_not_drained_again() -> None:
    slider = Slider(start=0, end=10, value=1)
    live = live_with(slider)
    edited = live.edit(write(slider, "value", 5))
    assert kinds(events(edited.patch)) == ["ModelChanged"]
    assert not edited.effects


def test_asynchronous_callbacks_are_awaited_in_order_as_part_of_the_turn() -> None:
    slider, div, order = Slider(start=0, end=10, value=1), Div(text=""), []

    async def first(attr: str, old: float, new: float) -> None:
        div.text = f"{new}"
        order.append(("first", curdoc() is slider.document))

    def second(attr: str, old: float, new: float) -> None:
        order.append(("second", curdoc() is slider.document))

    slider.on_change("value", first, second)
    live = live_with(slider, div)
    live.edit(write(slider, "value", 3))
    assert order == [("first", True), ("second", True)]
    assert live.value_of(div, "text") == "3"
    assert not live.host.turns


def test_an_asynchronous_callback_that_raises_is_reported() -> None:
    slider = Slider(start=0, end=10, value=1)

    async def fails(attr: str, old: float, new: float) -> None:
        raise RuntimeError("later")

    slider.on_change("value", fails)
    live = live_with(slider)
    live.edit(write(slider, "value", 3))
    assert [str(error) for error, _ in live.host.reports] == ["later"]


def test_stream_and_patch_travel_as_what_they_are() -> None:
    source = ColumnDataSource(data={"x": [1, 2], "y": np.array([1.0, 2.0])})
    live = Live(lambda doc: doc.add_root(_holder(source)))
    live.do(lambda: source.stream({"x": [3], "y": [3.0]}, rollover=2))
    live.do(lambda: source.patch({"x": [(0, 7), (slice(1, 2), [8])]}))
    live.do(lambda: source.data.update(y=[5.0, 6.0]))
    assert [kinds(events(each)) for each in live.patches] == [
        ["ColumnsStreamed"],
        ["ColumnsPatched"],
        ["ColumnDataChanged"],
    ]
    live.check_mirror()


@pytest.mark.parametrize("column", [[1.0, 2.0], np.array([1.0, 2.0]), np.array([])], ids=repr)
@pytest.mark.parametrize("more", [[3.0], np.array([3.0]), []], ids=repr)
def test_rows_that_are_streamed_to_one_source_are_sent_for_another_only_if_both_hold_one_list(
    column: Any, more: Any
) -> None:
    sources = [ColumnDataSource(data={"x": column}) for _ in range(2)]
    live = Live(lambda doc: [doc.add_root(_holder(each)) for each in sources])
    for rollover in (None, 2):
        sent = live.do(functools.partial(sources[0].stream, {"x": more}, rollover=rollover))
        assert len(sent) == (2 if isinstance(column, list) and isinstance(more, list) else 1)
        live.check_mirror()


def test_deltas_are_copied_when_they_happen() -> None:
    source = ColumnDataSource(data={"x": np.array([1.0]), "y": [[1.0]]})
    live = Live(lambda doc: doc.add_root(_holder(source)))
    new, nested = np.array([2.0, 3.0]), [4.0]

    def stream_then_overwrite() -> None:
        source.stream({"x": new, "y": [nested, nested]})
        new[:] = 12345
        nested.append(12345)

    (event,) = live.do(stream_then_overwrite)
    assert live.patches[0].events[0].buffers[0].data == np.array([2.0, 3.0]).tobytes()
    assert "12345" not in str(event)


def test_committed_bytes_do_not_change_with_the_array() -> None:
    values = np.arange(4.0)
    source = ColumnDataSource(data={"x": np.zeros(4)})
    live = Live(lambda doc: doc.add_root(_holder(source)))
    live.do(lambda: source.data.update(x=values))
    live.do(lambda: setattr(source, "data", {"x": values}))
    before = [each.data for patch in live.patches for event in patch.events for each in event.buffers]
    values[:] = -1
    after = [each.data for patch in live.patches for event in patch.events for each in event.buffers]
    assert before == after == [np.arange(4.0).tobytes()] * 2


def test_a_pending_whole_value_absorbs_deltas_before_and_after_it() -> None:
    source = ColumnDataSource(data={"x": [1]})
    live = Live(lambda doc: doc.add_root(_holder(source)))

    def change() -> None:
        source.stream({"x": [2]})
        source.data = {"x": [5]}
        source.stream({"x": [6]})
        source.patch({"x": [(0, 4)]})

    assert kinds(live.do(change)) == ["ModelChanged"]
    live.check_mirror()


def test_very_many_deltas_in_one_turn_become_one_whole_value() -> None:
    source = ColumnDataSource(data={"x": [0]})
    live = Live(lambda doc: doc.add_root(_holder(source)))

    def stream_much() -> None:
        for each in range(1000):
            source.stream({"x": [each]}, rollover=10)

    assert kinds(live.do(stream_much)) == ["ModelChanged"]
    live.check_mirror()


def test_deltas_of_a_model_that_is_new_are_part_of_its_definition() -> None:
    live = live_with(Div(text="here"))

    def add() -> None:
        source = ColumnDataSource(data={"x": [1]})
        live.doc.add_root(_holder(source))
        source.stream({"x": [2]})

    assert kinds(live.do(add)) == ["RootAdded"]
    live.check_mirror()


def test_hold_keeps_changes_back_and_unhold_lets_all_go() -> None:
    for policy in ("combine", "collect"):
        slider, source = Slider(start=0, end=10, value=1), ColumnDataSource(data={"x": [1]})
        live = Live(lambda doc, slider=slider, source=source: doc.add_root(Column(slider, _holder(source))))
        live.do(lambda live=live, policy=policy: live.doc.hold(policy))
        live.do(lambda slider=slider: setattr(slider, "value", 2))
        live.do(lambda source=source: source.stream({"x": [2]}))
        live.do(lambda slider=slider: setattr(slider, "value", 3))
        assert not live.patches
        live.do(lambda live=live: live.doc.unhold())
        assert live.value_of(slider, "value") == 3
        assert live.value_of(source, "data") == {"x": [1, 2]}
        live.check_mirror()


def test_callbacks_of_held_writes_run_when_they_are_let_go_and_combine() -> None:
    counted = {}
    for policy in ("combine", "collect"):
        slider, seen = Slider(start=0, end=10, value=1), []
        slider.on_change("value", lambda attr, old, new, seen=seen: seen.append(new))
        live = live_with(slider)
        live.do(lambda live=live, policy=policy: live.doc.hold(policy))
        live.do(lambda slider=slider: (setattr(slider, "value", 2), setattr(slider, "value", 3)))
        assert seen == []
        live.do(lambda live=live: live.doc.unhold())
        counted[policy] = seen
    assert counted == {"combine": [3], "collect": [2, 3]}


def test_hold_does_not_delay_the_edits_of_browsers() -> None:
    slider, seen = Slider(start=0, end=10, value=1), []
    slider.on_change("value", lambda attr, old, new: seen.append(new))
    live = live_with(slider)
    live.do(lambda: live.doc.hold())
    edited = live.edit(write(slider, "value", 4))
    assert kinds(events(edited.patch)) == ["ModelChanged"]
    assert seen == [4]


def test_a_snapshot_while_changes_are_held_does_not_make_them_count_twice() -> None:
    source = ColumnDataSource(data={"x": [1]})
    live = Live(lambda doc: doc.add_root(_holder(source)))
    live.do(lambda: live.doc.hold())
    live.do(lambda: source.stream({"x": [2]}))
    late = live.document.snapshot()
    early = live.mirror
    live.mirror = type(early)(late)
    (patch,) = [live.turn(lambda: live.doc.unhold())]
    early.apply(patch)
    assert live.value_of(source, "data") == {"x": [1, 2]}
    live.mirror = early
    live.check_mirror()


def test_setting_nan_again_neither_fires_nor_travels() -> None:
    range_, fired = Range1d(start=0.0, end=1.0), []
    range_.on_change("start", lambda attr, old, new: fired.append(new))
    live = Live(lambda doc: doc.add_root(Column(tags=[range_])))
    live.do(lambda: setattr(range_, "start", math.nan))
    assert len(fired) == 1
    assert live.do(lambda: setattr(range_, "start", float("nan"))) == []
    assert len(fired) == 1
    edited = live.edit(write(range_, "start", {"type": "number", "value": "nan"}))
    assert not edited.patch
    assert edited.differs == []


def test_a_model_that_triggers_itself_on_purpose_is_sent_again() -> None:
    source = ColumnDataSource(data={"x": [1]})
    live = Live(lambda doc: doc.add_root(_holder(source)))

    def change_behind_its_back() -> None:
        column = source.data["x"]
        assert isinstance(column, list)
        column.append(2)
        source.trigger("data", source.data, source.data)

    assert kinds(live.do(change_behind_its_back)) == ["ModelChanged"]
    live.check_mirror()


def test_document_callbacks_see_every_change() -> None:
    slider, seen = Slider(start=0, end=10, value=1), []
    live = live_with(slider)
    live.doc.on_change(lambda event: seen.append(type(event).__name__))
    live.do(lambda: setattr(slider, "value", 2))
    live.edit(write(slider, "value", 3))
    live.do(lambda: setattr(live.doc, "title", "new"))
    assert seen == ["ModelChangedEvent", "ModelChangedEvent", "TitleChangedEvent"]


def test_title_and_roots_travel_in_order() -> None:
    live = live_with(Div(text="first"))
    added = [Div(text="second"), Div(text="third")]

    def change() -> None:
        live.doc.title = "one"
        for each in added:
            live.doc.add_root(each)
        live.doc.title = "two"

    assert kinds(live.do(change)) == ["TitleChanged", "RootAdded", "RootAdded"]
    assert live.mirror.title == "two"

    def reorder() -> None:
        first = live.doc.roots[0]
        live.doc.remove_root(first)
        live.doc.add_root(first)

    live.do(reorder)
    assert live.mirror.roots == [each.id for each in live.doc.roots]
    live.check_mirror()


def test_messages_are_sent_once_and_in_order() -> None:
    from bokeh.events import ButtonClick

    button = Button(label="b")
    live = live_with(button)
    live.do(lambda: [live.doc.callbacks.send_event(ButtonClick(button)) for _ in range(2)])
    assert [kind for kind, _ in live.mirror.messages] == ["bokeh_event", "bokeh_event"]


def test_a_write_by_a_foreign_thread_posts_a_turn_and_its_callbacks_run_there() -> None:
    slider, seen = Slider(start=0, end=10, value=1), []
    slider.on_change("value", lambda attr, old, new: seen.append((new, threading.current_thread().name)))
    live = live_with(slider)

    def mutate() -> None:
        slider.value = 5
        slider.value = 6

    thread = threading.Thread(target=mutate)
    thread.start()
    thread.join()
    assert seen == []
    assert len(live.host.turns) == 1
    live.settle()
    assert [value for value, _ in seen] == [5, 6]
    assert {name for _, name in seen} == {threading.current_thread().name}
    assert live.value_of(slider, "value") == 6


def test_a_thread_that_inherits_the_context_of_a_turn_is_still_foreign() -> None:
    import contextvars

    slider = Slider(start=0, end=10, value=1)
    live = live_with(slider)

    def start_thread_and_wait() -> None:
        context = contextvars.copy_context()
        thread = threading.Thread(target=lambda: context.run(lambda: setattr(slider, "value", 7)))
        thread.start()
        thread.join()

    live.do(start_thread_and_wait)
    live.settle()
    assert live.value_of(slider, "value") == 7


def test_what_is_written_after_the_last_drain_of_a_turn_is_not_left_behind() -> None:
    slider = Slider(start=0, end=10, value=1)
    live = live_with(slider)
    with live.document.context():
        live.drain()
        slider.value = 8
    live.settle()
    assert live.value_of(slider, "value") == 8


def _holder(source: ColumnDataSource) -> Any:
    return Column(tags=[source])


@pytest.mark.parametrize("old", [np.array([1.0, 2.0]), [[1, 2], [3, 4, 5]]])
@pytest.mark.parametrize("new", [np.array([1.0, 2.0]), [[1, 2], [1, 2, 3]], [[1, 2], [math.nan, 2, 3]]])
def test_lists_of_several_lengths_in_a_list_can_be_exchanged_for_anything(old: Any, new: Any) -> None:
    source = ColumnDataSource(data={"x": old})
    live = live_with(source_holder := Div(tags=[source]))
    live.do(lambda: setattr(source, "data", {"x": new}))
    live.check_mirror()
    assert source_holder.tags == [source]


def test_an_array_in_place_of_a_list_with_the_same_numbers_and_nan_is_sent() -> None:
    div = Div(tags=[[1.0, math.nan]])
    live = live_with(div)
    assert kinds(live.do(lambda: setattr(div, "tags", [np.array([1.0, math.nan])]))) == ["ModelChanged"]
    assert live.do(lambda: setattr(div, "tags", [np.array([1.0, math.nan])])) == []


@pytest.mark.parametrize("column", [np.array([1.0, 2.0]), [1.0, 2.0]], ids=["array", "list"])
def test_rows_of_a_thread_that_a_viewer_was_shown_before_it_could_tell_of_them_are_not_there_twice(
    column: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = ColumnDataSource(data={"x": column})
    live = live_with(Div(tags=[source]))
    notify = Recorder.notify_change

    def late(self: Recorder, *arguments: Any, **named: Any) -> None:
        monkeypatch.undo()
        live.drain()
        live.mirror = Mirror(live.document.snapshot())  # Meanwhile, a viewer comes.
        notify(self, *arguments, **named)

    monkeypatch.setattr(Recorder, "notify_change", late)
    source.stream({"x": column[:1]}, rollover=2)
    live.settle()
    assert kinds(events(live.patches[-1])) == ["ModelChanged"], "it is sent whole"
    live.check_mirror()
    assert list(source.data["x"]) == [2.0, 1.0]


def test_rows_of_a_thread_that_were_sent_before_it_could_tell_of_them_are_not_sent_twice() -> None:
    source = ColumnDataSource(data={"x": np.array([1.0])})
    live = live_with(Div(tags=[source]))
    recorder = live.document._recorder
    noted = recorder._note

    def late(change: Any, inside: bool) -> None:
        recorder._note = noted  # type: ignore[method-assign]
        # Meanwhile, a turn sends the whole value, with what the thread has changed in it.
        live.do(lambda: source.trigger("data", None, source.data))
        noted(change, inside)

    recorder._note = late  # type: ignore[method-assign]
    source.stream({"x": [2.0]})
    live.settle()
    assert live.value_of(source, "data") == {"x": [1.0, 2.0]}
    live.check_mirror()
