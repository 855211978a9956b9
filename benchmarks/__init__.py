"""Ours beside `bokeh serve` and BokehASGI, in one run, on the same apps; see `docs/performance.md`."""
