"""The clients of ``bokeh serve`` find what they know at ``embedsync serve``, without an option."""

from __future__ import annotations

from pathlib import Path

import pytest
from bokeh.client import pull_session
from bokeh.util.token import generate_jwt_token, generate_session_id
from websockets.exceptions import InvalidStatus

from tests.cli.process import serving
from tests.stock.talk import Stock, model_named

KEY = "only for tests, but of the length that Bokeh wants"

pytestmark = pytest.mark.filterwarnings(
    "ignore::ResourceWarning",
    "ignore::pytest.PytestUnraisableExceptionWarning",
    # Python 3.12 says so of the way in which Tornado begins a loop.
    "ignore:There is no current event loop:DeprecationWarning",
)

APP = """
from bokeh.io import curdoc
from bokeh.models import Slider

amount = Slider(name="amount", start=0, end=9, value=1)
double = Slider(name="double", start=0, end=18, value=2)
amount.on_change("value", lambda attr, old, new: double.update(value=2 * new))
curdoc().add_root(amount)
curdoc().add_root(double)
"""


@pytest.fixture
def app(tmp_path: Path) -> Path:
    path = tmp_path / "myapp.py"
    path.write_text(APP)
    return path


def test_a_client_of_bokeh_drives_a_served_app(tmp_path: Path, app: Path) -> None:
    with serving(tmp_path, app, "--prefix", "/apps") as served:
        session = pull_session(url=served.lines[0])
        double = session.document.get_model_by_name("double")
        session.document.get_model_by_name("amount").value = 4
        session._connection._loop_until(lambda: double.value == 8 or not session.connected)
        assert double.value == 8
        session.close()


def test_where_bokeh_signs_its_sessions_we_take_no_others(tmp_path: Path, app: Path) -> None:
    variables = {"BOKEH_SIGN_SESSIONS": "yes", "BOKEH_SECRET_KEY": KEY}
    with serving(tmp_path, app, variables=variables) as served:
        socket = f"{served.lines[0]}/ws"
        with pytest.raises(InvalidStatus):
            Stock(socket)
        session = generate_session_id(KEY.encode(), signed=True)
        with Stock(socket, generate_jwt_token(session, KEY.encode(), signed=True)) as client:
            assert model_named(client.pull(), "amount")
