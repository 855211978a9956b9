"""Browsers and Python change the same things at the same time, over links that are slow and are cut.

Afterwards all browsers hold what a fresh one is shown. Named tests are sequences that failed once, as `soak`
printed them.
"""

from __future__ import annotations

import os
from collections.abc import Callable

import pytest

from tests.documents.bokehjs.browsers import Browsers
from tests.documents.bokehjs.play import Play
from tests.documents.bokehjs.soak import outcome, played

pytestmark = [
    pytest.mark.filterwarnings("ignore::bokeh.util.warnings.BokehUserWarning"),
    pytest.mark.filterwarnings("ignore::RuntimeWarning"),  # NumPy's, of numbers that do not fit their type
]

Begin = Callable[..., Play]
SEQUENCES = int(os.environ.get("EMBEDSYNC_EXAMPLES", "150"))


@pytest.mark.parametrize(
    "seeds", [range(at, min(at + 50, SEQUENCES)) for at in range(0, SEQUENCES, 50)], ids=str
)
def test_sequences_by_chance(browsers: Browsers, seeds: range) -> None:
    for seed in seeds:
        assert (seed, outcome(browsers, *played(seed))) == (seed, None)


def test_a_root_that_was_gone_already_does_not_hide_what_others_do_to_roots(play: Begin) -> None:
    begun = play()
    begun.take(
        [
            ("page", 1, "doc.remove_root(s)"),
            ("app", 0, "doc.remove_root(s)"),
            ("page", 0, "doc.remove_root(t)"),
        ]
    )
    begun.check()


def test_a_root_made_while_cut_off_keeps_what_was_done_to_it_since(play: Begin) -> None:
    begun = play(log_ops=1)
    begun.take(
        [
            ("cut", 1, None),
            ("page", 1, "doc.add_root(new Div({text: 'root', name: 'p7'}))"),
            ("page", 1, "p7.text = '8'"),
            ("app", 0, "slider.value = 4"),
            ("app", 0, "slider.value = 3"),
        ]
    )
    begun.check()


def test_truth_values_that_a_page_holds_as_other_numbers_are_refused(play: Begin) -> None:
    begun = play("{'x': np.array([True, False]), 'y': [1, 2]}")
    begun.take([("page", 0, "s.patch({x: [[0, -4]]})"), ("page", 0, "s.data = {...s.data, y: [3, 4]}")])
    begun.check()


@pytest.mark.parametrize(
    "change",
    [
        "u.stream({'x': [7], 'y': [8]})",
        "u.stream({'x': [7], 'y': [8]}, 1)",
        "u.patch({'x': [(0, 7)]})",
        "u.stream({'x': [7], 'y': np.array(['2024'], dtype='datetime64[D]')})",
    ],
)
@pytest.mark.parametrize(
    "data", ["{'x': [1, 2], 'y': [1, 2]}", "{'x': np.array([1, 2]), 'y': np.array([1, 2])}"]
)
def test_sources_that_share_a_list_change_together(play: Begin, data: str, change: str) -> None:
    begun = play(data)
    begun.take([("app", 0, "u.data = dict(v.data)"), ("app", 0, change)])
    begun.check()


def test_columns_that_are_one_list_change_together(play: Begin) -> None:
    begun = play()
    begun.take([("app", 0, "s.data['z'] = s.data['x']"), ("page", 1, "s.patch({x: [[0, 3.5]]})")])
    begun.check()
    begun.take([("app", 0, "s.patch({'z': [(1, 4)]})")])
    begun.check()
    begun.take([("app", 0, "s.stream({'x': [1], 'y': [2], 'z': [3]}, 4)")])
    begun.check()


def test_an_edit_of_a_shared_list_shows_its_author_all_that_changes(play: Begin) -> None:
    begun = play()
    begun.take([("app", 0, "u.data = dict(v.data)"), ("page", 1, "u.stream({x: [3], y: [4]})")])
    begun.check()


@pytest.mark.parametrize(
    "change", ["s.patch({x: [[0, 9]]})", "t.stream({x: [9], y: [9]})", "s.patch({z: [[0, 9]]})"]
)
def test_a_page_that_gives_one_array_to_two_columns(play: Begin, change: str) -> None:
    for data in ("{'x': [1, 2], 'y': [1, 2]}", "{'x': np.array([1, 2]), 'y': np.array([1, 2])}"):
        begun = play(data)
        begun.take([("page", 0, "s.data = t.data"), ("page", 0, "s.data = {...s.data, z: s.data.x}")])
        begun.take([("page", 0, change)])
        begun.site.settle()
        begun.take([("app", 0, "t.patch({'y': [(0, 77)]})")])
        begun.check()


def test_what_a_page_cannot_send_is_undone(play: Begin) -> None:
    begun = play()
    begun.take([("page", 0, "text.tags = [() => 1]"), ("page", 0, "slider.value = 4")])
    begun.check()
    assert begun.site.resyncs == ["Error: [object Function] is not serializable"]
    assert begun.names["slider"].value == 4


@pytest.mark.parametrize(
    "change",
    [
        "text.text = 'half \\ud800'",
        "doc.set_title('\\udc00 half')",
        "s.tags = [new Map([['\\ud83d', 1]])]",
        "s.stream({x: ['\\ud83d'], y: [1]})",
    ],
)
def test_text_that_no_message_can_carry_stays_out_of_the_document_and_of_every_message(
    play: Begin, change: str
) -> None:
    begun = play()
    begun.take([("page", 0, change), ("page", 0, "slider.value = 3")])
    begun.check()
    assert begun.names["slider"].value == 3
    assert begun.site.resyncs != [], "the page was told, and has what the server has"
