"""Buttons whose callbacks sleep or spin for a second, and a slider whose callback takes 50 ms."""

import time

from bokeh.io import curdoc
from bokeh.layouts import column
from bokeh.models import Button, Slider, TextInput

report = TextInput(value="", name="report")
steps = Slider(value=0, start=0, end=1000, step=1, title="Steps", name="steps")
sleep = Button(label="Sleep", name="sleep")
spin = Button(label="Spin", name="spin")
clicks = 0


def count_click():
    global clicks
    clicks += 1
    report.value = f"{clicks} clicks"


def sleep_a_second():
    time.sleep(1)
    count_click()


def spin_a_second():
    end = time.monotonic() + 1
    while time.monotonic() < end:
        pass
    count_click()


def take_a_step(_name, _old, new):
    time.sleep(0.05)
    report.value = f"step {new:.0f}"


sleep.on_click(sleep_a_second)
spin.on_click(spin_a_second)
steps.on_change("value", take_a_step)
curdoc().add_root(column(report, steps, sleep, spin))
