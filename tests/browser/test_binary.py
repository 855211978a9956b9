"""Large arrays reach the browser, and come back, as they are."""

from __future__ import annotations

import base64
import hashlib

import numpy as np
import pytest
from playwright.sync_api import Page

from tests.browser.conftest import Visitors
from tests.browser.look import attribute, visit, wait_for, wait_for_value

pytestmark = pytest.mark.browser

# Hashed in Python: pages without TLS have no crypto.subtle everywhere.
READ = """() => {
  const {x} = Bokeh.documents[0].get_model_by_name('source').data
  const bytes = new Uint8Array(x.buffer, x.byteOffset, x.byteLength)
  let text = ''
  for (let at = 0; at < bytes.length; at += 4096) {
    text += String.fromCharCode(...bytes.subarray(at, at + 4096))
  }
  return [x[Symbol.toStringTag], btoa(text)]
}"""


def test_a_million_numbers_arrive_bit_identical_and_go_back_bit_identical(
    own_page: str, visitor: Visitors
) -> None:
    page = visit(visitor(), f"{own_page}numbers")
    kind, held = read(page)
    assert kind == "Float64Array"
    assert len(held) == 8_000_000
    assert attribute(page, "report", "value") == f"float64 {sha256(held)}"

    # What is written back is neither the present value nor made by JavaScript's arithmetic.
    page.evaluate(
        """() => {
          const source = Bokeh.documents[0].get_model_by_name('source')
          const {x} = source.data
          const bytes = new Uint8Array(x.buffer, x.byteOffset, x.byteLength)
          const words = new BigUint64Array(bytes.slice().buffer)
          for (let at = 0; at < words.length; at++) words[at] ^= 0x5555555555555555n
          source.data = {x: new Float64Array(words.buffer)}
        }"""
    )
    flipped = np.frombuffer(held, np.uint64) ^ np.uint64(0x5555555555555555)
    wait_for_value(page, "report", "value", f"float64 {sha256(flipped.tobytes())}")
    assert read(page)[1] == flipped.tobytes()


@pytest.mark.parametrize("kind", ["Uint8", "Int16", "Uint32", "Float32"])
def test_typed_arrays_keep_their_type_on_the_way_to_python(
    own_url: str, visitor: Visitors, kind: str
) -> None:
    page = visit(visitor(), f"{own_url}/page/numbers")
    page.evaluate(
        """kind => {
          const source = Bokeh.documents[0].get_model_by_name('source')
          source.data = {x: new globalThis[`${kind}Array`]([1, 2, 3])}
        }""",
        kind,
    )
    array = np.array([1, 2, 3], kind.lower())
    wait_for(
        page,
        "text => Bokeh.documents[0].get_model_by_name('report').value === text",
        f"{array.dtype} {sha256(array.tobytes())}",
    )


def read(page: Page) -> tuple[str, bytes]:
    """The kind and the bytes of the array in the browser."""
    kind, encoded = page.evaluate(READ)
    return kind, base64.b64decode(encoded)


def sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def test_the_ranges_of_a_plot_that_is_emptied_and_filled_again_are_the_same_on_both_sides(
    own_page: str, visitor: Visitors
) -> None:
    visitor.expected = lambda complaint: "could not set initial ranges" in complaint  # BokehJS says so.
    page = visit(visitor(), f"{own_page}clears")
    page.get_by_role("button", name="Clear").click()
    wait_for_value(page, "report", "value", "nan")
    assert page.evaluate("() => Number.isNaN(Bokeh.documents[0].get_model_by_name('across').start)")
    page.get_by_role("button", name="Fill").click()
    wait_for(page, "() => Bokeh.documents[0].get_model_by_name('across').start > 6")
    wait_for(page, "() => parseFloat(Bokeh.documents[0].get_model_by_name('report').value) > 6")
