"""``bokeh.client`` of the installed Bokeh, unmodified, against our server."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import pytest
from bokeh.client import ClientSession, pull_session, push_session
from bokeh.document import Document
from bokeh.models import Slider, TextInput
from bokeh.util.token import generate_session_id

from embedsync import wire
from tests.asgi.client import Client
from tests.asgi.server import until
from tests.stock.conftest import KEY, Site, serving

# Its loop is Tornado's, which closes sockets when it is collected.
pytestmark = pytest.mark.filterwarnings(
    "ignore::ResourceWarning",
    "ignore::pytest.PytestUnraisableExceptionWarning",
    # Python 3.12 says so of the way in which Tornado begins a loop.
    "ignore:There is no current event loop:DeprecationWarning",
)


@contextmanager
def pulled(url: str, **options: Any) -> Iterator[ClientSession]:
    session = pull_session(url=url, **options)
    try:
        yield session
    finally:
        session.close()


@contextmanager
def pushed(document: Document, url: str, **options: Any) -> Iterator[ClientSession]:
    session = push_session(document, url=url, **options)
    try:
        yield session
    finally:
        session.close()


def named(session: ClientSession, name: str) -> Any:
    return session.document.get_model_by_name(name)


def wait(session: ClientSession, state: Callable[[], bool]) -> None:
    """Run the client's loop until something is so, or the socket is gone."""
    session._connection._loop_until(lambda: state() or not session.connected)
    assert state(), "the socket was lost"


def server_value(site: Site, name: str, attribute: str = "value", app: str = "amounts") -> Any:
    """What the document of the only session holds now."""
    found: list[Any] = []
    done = threading.Event()

    def look(doc: Document) -> None:
        found.append(getattr(doc.get_model_by_name(name), attribute, None))
        done.set()

    assert site.hub.update_sessions(app, look) == 1
    assert done.wait(20)
    return found[0]


def test_a_session_is_pulled_with_its_arrays_and_its_title(site: Site) -> None:
    with pulled(site.app()) as session:
        assert named(session, "amount").value == 1
        assert session.document.title == "Amounts"
        assert np.array_equal(named(session, "source").data["x"], np.arange(4.0))
        assert [each.id for each in site.hub.sessions] == [session.id]


def test_a_change_reaches_the_server_and_what_its_callback_did_comes_back(site: Site) -> None:
    with pulled(site.app()) as session:
        named(session, "amount").value = 4
        wait(session, lambda: named(session, "double").value == 8)
        assert server_value(site, "amount") == 4


def test_new_models_and_streams_of_arrays_arrive(site: Site) -> None:
    with pulled(site.app()) as session:
        named(session, "amount").value = 7
        wait(session, lambda: named(session, "late") is not None)
        assert named(session, "late").value == "here"
        wait(session, lambda: len(named(session, "source").data["x"]) == 5)
        named(session, "late").value = "changed"
        session.force_roundtrip()
        until(lambda: server_value(site, "late") == "changed")


def test_of_columns_that_are_replaced_a_client_has_those_that_stay_as_well(site: Site) -> None:
    with pulled(site.app()) as session:
        for value in (3, 4, 5):
            named(session, "amount").value = value
            wait(session, lambda value=value: named(session, "plotted").data["y"][0] == value)
            assert np.array_equal(named(session, "plotted").data["x"], np.arange(200.0))


def test_arrays_that_a_client_writes_arrive_with_their_bytes(site: Site) -> None:
    with pulled(site.app()) as session:
        named(session, "source").data = {"x": np.linspace(0, 1, 1000)}
        session.force_roundtrip()
        until(lambda: len(server_value(site, "source", "data")["x"]) == 1000)


def test_the_arguments_of_a_client_reach_the_app(site: Site) -> None:
    with pulled(site.app(), arguments={"symbol": "AAPL"}):
        assert site.hub.sessions[0].info.arguments == {"symbol": [b"AAPL"]}


def test_a_document_is_pushed_in_place_of_the_one_there_is_and_stays_in_step(site: Site) -> None:
    document = Document()
    document.add_root(Slider(name="pushed", start=0, end=9, value=3))
    document.title = "Mine"
    with pushed(document, site.app()) as session:
        assert server_value(site, "pushed") == 3
        assert server_value(site, "amount") is None
        document.get_model_by_name("pushed").value = 5
        session.force_roundtrip()
        until(lambda: server_value(site, "pushed") == 5)
        site.hub.update_sessions("amounts", lambda doc: doc.get_model_by_name("pushed").update(value=8))
        wait(session, lambda: document.get_model_by_name("pushed").value == 8)


def test_a_document_is_not_pushed_where_browsers_may_not_bring_models() -> None:
    document = Document()
    document.add_root(Slider(name="pushed", start=0, end=9, value=3))
    with serving(authority="closed") as site:
        with pytest.raises(RuntimeError, match="forbidden"):
            push_session(document, url=site.app())
        assert server_value(site, "pushed") is None
        assert server_value(site, "amount") == 1


def test_two_clients_of_one_session_see_each_others_changes_and_new_models_whole(site: Site) -> None:
    with pulled(site.app()) as first, pulled(site.app(), session_id=first.id) as second:
        assert len(site.hub.sessions) == 1
        named(first, "amount").value = 7
        wait(first, lambda: named(first, "late") is not None)
        wait(second, lambda: named(second, "late") is not None)
        assert named(second, "late").value == "here"
        named(second, "late").value = "from the second"
        second.force_roundtrip()
        wait(first, lambda: named(first, "late").value == "from the second")


def test_the_server_says_which_bokeh_it_has(site: Site) -> None:
    from bokeh import __version__

    with pulled(site.app()) as session:
        assert session.request_server_info()["version_info"]["bokeh"] == __version__


def test_a_value_that_the_server_refuses_is_put_back(site: Site) -> None:
    with pulled(site.app("guarded")) as session:
        named(session, "words").value = "forbidden"
        wait(session, lambda: named(session, "words").value == "")
        assert server_value(site, "words", app="guarded") == ""


def test_a_session_outlives_its_socket_and_is_found_again_by_its_id(site: Site) -> None:
    with pulled(site.app()) as session:
        named(session, "words").value = "kept"
        session.force_roundtrip()
        identifier = session.id
    until(lambda: site.hub.status()["sockets"] == 0)
    with pulled(site.app(), session_id=identifier) as again:
        assert named(again, "words").value == "kept"


def test_the_session_of_a_client_is_shown_by_our_own_page(site: Site) -> None:
    with pulled(site.app()) as session:
        ticket = site.hub.ticket("amounts", session_id=session.id)
        with Client(f"{site.url.replace('http', 'ws', 1)}/_embedsync/socket") as ours:
            assert ours.open(ticket).session == session.id
            ours.wait_for(wire.SnapshotFrame)
            named(session, "words").value = "seen by both"
            session.force_roundtrip()
            assert b"seen by both" in bytes(ours.wait_for(wire.Op).events[0])


def test_without_a_key_a_client_is_refused_where_sessions_are_signed(signing: Site) -> None:
    with pytest.raises(OSError, match="403"):
        pull_session(url=signing.app())
    assert signing.hub.sessions == []


def test_a_client_that_has_the_key_signs_its_sessions(signing: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    from bokeh.client import session as client_session
    from bokeh.util.token import generate_jwt_token

    # The defaults of these were read from the environment when Bokeh was imported.
    monkeypatch.setattr(
        client_session,
        "generate_jwt_token",
        lambda session: generate_jwt_token(session, KEY.encode(), signed=True),
    )
    session_id = generate_session_id(KEY.encode(), signed=True)
    with pulled(signing.app("private"), session_id=session_id) as session:
        assert named(session, "amount").value == 1
        assert signing.hub.sessions[0].id == session_id


def test_nothing_of_it_is_there_unless_it_is_switched_on() -> None:
    with serving(stock_clients=False) as site, pytest.raises(OSError):  # noqa: PT011  (Bokeh says no more)
        pull_session(url=site.app())


def test_a_model_that_was_taken_out_and_put_back_is_shown_as_it_is_now(site: Site) -> None:
    with pulled(site.app()) as session:

        def put_back(doc: Document) -> None:
            place: Any = doc.get_model_by_name("place")
            children = list(place.children)
            words = next(each for each in children if isinstance(each, TextInput))
            place.children = [each for each in children if each is not words]
            words.value = "changed while it was away"
            place.children = children

        site.hub.update_sessions("amounts", put_back)
        wait(session, lambda: named(session, "words").value == "changed while it was away")
