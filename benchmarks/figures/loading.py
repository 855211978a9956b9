"""Figure 14: how much a browser has to load before it shows a plot."""

from __future__ import annotations

from functools import partial

from benchmarks.chromium import chromium, load
from benchmarks.effort import Effort
from benchmarks.figures.figure import Figure, Measured, Row, Target
from benchmarks.systems import Site

__all__ = ["FIGURES"]


async def loading(app: str, site: Site, effort: Effort) -> Measured:
    """Bytes until the first plot is drawn, for somebody new; others were there before."""
    host, port = site.address
    url = f"http://{host}:{port}/{app}"
    async with chromium() as browser:
        loaded = await load(browser, url)
        # Who compresses files does it meanwhile; on a busy machine that takes long, and looks like rest.
        unchanged = 0
        while unchanged < effort.unchanged_loads:
            await site.rest()
            again = await load(browser, url)
            unchanged = unchanged + 1 if again.sent >= loaded.sent else 0
            loaded = again
    return [loaded.compressed / 1000, loaded.sent / 1000]


def _rows(what: str, limit: float) -> tuple[Row, Row]:
    return (
        Row("14", f"bytes to the first plot, {what}, compressed", "kB", Target(value=limit)),
        Row("14", f"bytes to the first plot, {what}, as they are sent", "kB"),
    )


FIGURES = (
    Figure(_rows("plot and widgets", 460), partial(loading, "sliders"), most=1, at_once=True),
    Figure(_rows("plot only", 360), partial(loading, "plot"), most=1, at_once=True),
)
