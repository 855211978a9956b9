"""The harness measures and writes its table. What it measures is no matter of tests."""

from pathlib import Path

import pytest

from benchmarks.__main__ import main
from benchmarks.effort import FULL
from benchmarks.figures.figure import Row, Target
from benchmarks.systems import BOKEH_ASGI, BOKEH_SERVE, OURS
from benchmarks.table import Table


def test_the_harness_measures_a_figure_of_ours_and_saves_a_table(tmp_path: Path) -> None:
    output = tmp_path / "bench.md"
    options = ["--effort", "tiny", "--figures", "1", "12", "--systems", OURS.name, "--output", str(output)]
    assert main(options) == 0
    lines = output.read_text().splitlines()
    assert lines[0] == "| # | figure | unit | embedsync | target | reached |"
    assert lines[2].startswith("| 1 | slider event → patch, 1 session, p50 | ms | ")
    assert lines[3].startswith("| 12 | last of 300 steps → final state | ms | ")
    assert "failed" not in output.read_text()


@pytest.mark.parametrize(
    ("row", "ours", "line"),
    [
        (
            Row("1", "latency", "ms", Target({"BokehASGI": 0.5})),
            [0.4, 0.5, 0.6],
            "1 | latency | ms | 0.50 (0.40–0.60) | 44.0 | 1.00 | 0.0114 × | 0.5 × | ≤ 0.5 × BokehASGI | yes",
        ),
        (
            Row("2", "events", "events/s", Target({"BokehASGI": 3}), more_is_better=True),
            [2.0],
            "2 | events | events/s | 2.00 | 44.0 | 1.00 | 0.0455 × | 2 × | ≥ 3 × BokehASGI | no",
        ),
        (
            Row("8", "stall", "ms", Target(value=20)),
            [None],
            "8 | stall | ms | not served | 44.0 | 1.00 | – | – | ≤ 20 | no",
        ),
    ],
)
def test_a_row_shows_all_systems_their_ratios_and_whether_the_target_is_reached(
    row: Row, ours: list[float | None], line: str
) -> None:
    measured = {OURS.name: [[each] for each in ours], BOKEH_SERVE.name: [[44.0]], BOKEH_ASGI.name: [[1.0]]}
    assert Table((OURS, BOKEH_SERVE, BOKEH_ASGI), FULL).add((row,), measured) == [line]


def test_a_system_that_could_not_be_measured_is_said_to_have_failed() -> None:
    row = Row("1", "latency", "ms", Target({"BokehASGI": 0.5}))
    measured = {OURS.name: [[0.5]], BOKEH_ASGI.name: []}
    (line,) = Table((OURS, BOKEH_ASGI), FULL).add((row,), measured)
    assert line == "1 | latency | ms | 0.50 | failed | – | ≤ 0.5 × BokehASGI | –"
