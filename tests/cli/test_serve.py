"""`embedsync serve`, from its first line to its end."""

import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest
from websockets.exceptions import InvalidStatus

from embedsync import wire
from tests.asgi.client import Client, socket_url
from tests.asgi.server import until
from tests.cli.process import COMMAND, TIMEOUT, Serving, environment, serving
from tests.cli.visits import document_of, refusal_of, script, ticket_of
from tests.contract.servers import free_port


@pytest.fixture
def app(tmp_path: Path) -> Path:
    return script(
        tmp_path,
        "myapp.py",
        """
        import sys
        from bokeh.io import curdoc
        from bokeh.models import Div

        arguments = curdoc().session_context.request.arguments
        curdoc().title = f"{sys.argv[1:]} {arguments}"
        curdoc().add_root(Div(text="hello"))
        """,
    )


def test_each_app_has_a_line_with_its_address(app: Path, tmp_path: Path) -> None:
    directory = tmp_path / "board"
    directory.mkdir()
    script(directory, "main.py", "")
    with serving(tmp_path, app, directory, apps=2) as served:
        assert re.fullmatch(r"http://localhost:\d+/myapp", served.lines[0])
        assert served.lines[1] == served.lines[0].replace("myapp", "board")
        for address in served.lines:
            assert httpx.get(address, timeout=30).status_code == 200
        assert ">board<" in httpx.get(f"{served.root}/").text


def test_the_document_of_an_app_reaches_the_browser(app: Path, tmp_path: Path) -> None:
    with serving(tmp_path, app) as served:
        assert '"hello"' in document_of(served)


def test_arguments_reach_the_app_from_the_address_and_from_the_command_line(
    app: Path, tmp_path: Path
) -> None:
    with serving(tmp_path, app, "--args", "--fast", "1") as served:
        document = document_of(served, "?a=1&a=2")
    assert "['--fast', '1'] {'a': [b'1', b'2']}" in document


def test_it_listens_on_both_addresses_of_localhost_where_there_are_two(app: Path, tmp_path: Path) -> None:
    with serving(tmp_path, app) as served:
        address = served.root.replace("localhost", "127.0.0.1")
        assert httpx.get(f"{address}/myapp", timeout=30).status_code == 200


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_it_in_good_order(app: Path, tmp_path: Path, how: signal.Signals) -> None:
    with (
        serving(tmp_path, app, "--stop-timeout", "60") as served,
        Client(socket_url(served.endpoint)) as client,
    ):
        client.open(ticket_of(served.lines[0]))
        begun = time.monotonic()
        served.signal(how)
        assert client.close_code() == wire.Close.DRAIN
        assert served.wait() == 0
        assert time.monotonic() - begun < 30
        assert "Traceback" not in served.log


@pytest.fixture
def hanging(tmp_path: Path) -> tuple[Path, Path]:
    """An app that never comes to its end, and the file that it makes when it has begun."""
    begun = tmp_path / "begun"
    text = f"""
        import pathlib, threading
        pathlib.Path({str(begun)!r}).touch()
        threading.Event().wait()
        """
    return script(tmp_path, "hanging.py", text), begun


@contextmanager
def waiting_for(served: Serving) -> Iterator[Client]:
    """A visitor whose document is being built. The page itself waits for it only for a while."""
    ticket = ticket_of(served.lines[0])
    with Client(socket_url(served.endpoint)) as client:
        client.send(1, wire.Open(protocol=1, ticket=ticket))
        yield client


def test_app_code_that_hangs_keeps_it_for_the_stop_timeout_at_most(
    hanging: tuple[Path, Path], tmp_path: Path
) -> None:
    app, begun = hanging
    with serving(tmp_path, app, "--stop-timeout", "1") as served, waiting_for(served):
        until(begun.exists)
        asked = time.monotonic()
        assert served.stop() == 0
        assert time.monotonic() - asked < 30
        assert "still runs after 1 s" in served.log
        assert "Traceback" not in served.log


def test_a_second_interrupt_does_not_wait_for_app_code(hanging: tuple[Path, Path], tmp_path: Path) -> None:
    app, begun = hanging
    with serving(tmp_path, app, "--stop-timeout", "600") as served, waiting_for(served) as client:
        until(begun.exists)
        served.signal(signal.SIGINT)
        assert client.wait_for(wire.Notice).kind is wire.NoticeKind.DRAIN
        assert served.stop() == 0
        assert "Traceback" not in served.log


def test_an_app_that_raises_says_so_and_the_next_try_works(tmp_path: Path) -> None:
    ready = tmp_path / "ready"
    app = script(
        tmp_path,
        "moody.py",
        f"""
        import pathlib
        if not pathlib.Path({str(ready)!r}).exists():
            raise ValueError("not in the mood")
        """,
    )
    with serving(tmp_path, app) as served:
        refused = refusal_of(served)
        assert (refused.code, refused.detail) == (wire.Close.BUILD_FAILED, "")
        assert refused.error
        until(lambda: refused.error in served.log)  # Lines are written by a thread of their own.
        assert "not in the mood" in served.log
        ready.touch()
        document_of(served)


def test_with_debug_the_page_gets_the_traceback(tmp_path: Path) -> None:
    app = script(tmp_path, "broken.py", "raise ValueError('not in the mood')")
    with serving(tmp_path, app, "--debug") as served:
        assert "not in the mood" in refusal_of(served).detail


def test_pages_of_other_sites_connect_only_where_they_are_allowed(app: Path, tmp_path: Path) -> None:
    with serving(tmp_path, app, "--allow-origin", "friend.example") as served:
        url = socket_url(served.endpoint)
        with Client(url, {"Origin": "https://friend.example"}):
            pass
        with pytest.raises(InvalidStatus):
            Client(url, {"Origin": "https://elsewhere.example"})


def test_a_local_server_answers_under_its_own_names_only(app: Path, tmp_path: Path) -> None:
    with serving(tmp_path, app, "--allow-origin", "https://friend.example") as served:
        for host, status in [("friend.example", 200), ("elsewhere.example", 421)]:
            answer = httpx.get(served.lines[0], headers={"Host": host}, timeout=30)
            assert answer.status_code == status


def test_whoever_listens_to_the_world_is_warned(app: Path, tmp_path: Path) -> None:
    with serving(tmp_path, app, "--address", "0.0.0.0") as served:
        assert "everybody who can reach" in served.log
    with serving(tmp_path, app) as served:
        assert served.log == ""


def test_show_opens_the_app_in_a_browser(app: Path, tmp_path: Path) -> None:
    shown = tmp_path / "shown"
    browser = script(
        tmp_path, "browser.py", f"import pathlib, sys; pathlib.Path({str(shown)!r}).write_text(sys.argv[1])"
    )
    variables = {"BROWSER": f"{sys.executable} {browser} %s"}
    with serving(tmp_path, app, "--show", variables=variables) as served:
        until(shown.exists)
        until(lambda: shown.read_text() == served.lines[0])


def test_below_a_prefix(app: Path, tmp_path: Path) -> None:
    with serving(tmp_path, app, "--prefix", "apps/") as served:
        assert served.lines[0].endswith("/apps/myapp")
        document_of(served)


@pytest.mark.parametrize("variable", ["EMBEDSYNC_SECRET_KEY", "BOKEH_SECRET_KEY"])
def test_tickets_outlive_a_restart_with_a_key_in_the_environment(
    app: Path, tmp_path: Path, variable: str
) -> None:
    variables = {variable: "only for tests, and as long as Bokeh wants it"}
    with serving(tmp_path, app, variables=variables) as served:
        ticket = ticket_of(served.lines[0])
    with (
        serving(tmp_path, app, variables=variables) as served,
        Client(socket_url(served.endpoint)) as client,
    ):
        client.open(ticket)
    with serving(tmp_path, app) as served, Client(socket_url(served.endpoint)) as client:
        client.send(1, wire.Open(protocol=1, ticket=ticket))
        assert client.wait_for(wire.Closed).code == wire.Close.FORBIDDEN


def test_tornado_is_never_imported(tmp_path: Path) -> None:
    app = script(
        tmp_path,
        "modules.py",
        """
        import sys
        from bokeh.io import curdoc
        from bokeh.plotting import figure
        figure().line([1, 2], [3, 4])
        curdoc().title = "tornado" if any(each.split(".")[0] == "tornado" for each in sys.modules) else "free"
        """,
    )
    with serving(tmp_path, app) as served:
        assert '"free"' in document_of(served)


@pytest.mark.parametrize("output", [">&-", ">/dev/full", ">&- 2>&-"])
def test_it_serves_though_its_output_is_closed_or_full(app: Path, output: str) -> None:
    port = free_port()
    command = [*COMMAND, "serve", str(app), "--port", str(port)]
    with subprocess.Popen(["sh", "-c", f'exec "$@" {output}', "sh", *command], env=environment()) as process:
        until(lambda: is_served(f"http://localhost:{port}/myapp"))
        process.terminate()
        assert process.wait(TIMEOUT) == 0


def is_served(address: str) -> bool:
    try:
        return httpx.get(address).status_code == 200
    except httpx.TransportError:
        return False


def test_processes_that_an_app_forks_can_be_ended(tmp_path: Path) -> None:
    text = """
        import multiprocessing, time, warnings
        from bokeh.io import curdoc
        from bokeh.models import Div

        warnings.simplefilter("ignore")  # Python 3.12 does not like it where there are threads.
        fork = multiprocessing.get_context("fork")
        ended, left = (fork.Process(target=time.sleep, args=(600,), daemon=True) for _ in range(2))
        ended.start()
        left.start()
        ended.terminate()
        ended.join(60)
        curdoc().add_root(Div(text=f"ended by {ended.exitcode}"))
        """
    with serving(tmp_path, script(tmp_path, "forking.py", text)) as served:
        assert '"ended by -15"' in document_of(served)
        begun = time.monotonic()
        assert served.stop(signal.SIGTERM) == 0
        assert time.monotonic() - begun < 50


def test_an_app_cannot_set_handlers_of_signals(tmp_path: Path) -> None:
    text = """
        import signal
        from bokeh.io import curdoc
        from bokeh.models import Div

        try:
            signal.signal(signal.SIGALRM, lambda number, frame: None)
        except ValueError as error:
            curdoc().add_root(Div(text=str(error)))
        """
    with serving(tmp_path, script(tmp_path, "alarm.py", text)) as served:
        assert "only works in main thread" in document_of(served)
