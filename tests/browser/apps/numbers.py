"""A million numbers; the SHA-256 of what Python has now."""

import hashlib

import numpy as np
from bokeh.io import curdoc
from bokeh.models import ColumnDataSource, TextInput

random = np.random.default_rng(7)
# Every bit pattern is one, those of NaNs with a payload and of subnormal numbers too.
source = ColumnDataSource(
    data={"x": random.integers(0, 2**64, 1_000_000, dtype=np.uint64).view(np.float64)}, name="source"
)
report = TextInput(name="report")
report.tags = [source]


def describe() -> None:
    column = np.asarray(source.data["x"])
    report.value = f"{column.dtype} {hashlib.sha256(column.tobytes()).hexdigest()}"


describe()
source.on_change("data", lambda _name, _old, _new: describe())
curdoc().add_root(report)
