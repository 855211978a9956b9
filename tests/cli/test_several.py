"""`--num-procs`: several processes on one port, and visitors come back to theirs."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
from pathlib import Path
from urllib.parse import urljoin, urlsplit

import httpx
import pytest
from bokeh.core.types import ID
from bokeh.util.token import generate_jwt_token

from embedsync import wire
from embedsync.cli.choosing import Chooser
from tests.asgi.client import Client, socket_url
from tests.asgi.server import until
from tests.cli.certificates import certificate
from tests.cli.process import Serving, serving
from tests.cli.test_mistakes import complaint
from tests.cli.visits import script, ticket_of, trusting


@pytest.fixture
def app(tmp_path: Path) -> Path:
    return script(
        tmp_path,
        "myapp.py",
        """
        import os
        from bokeh.io import curdoc
        from bokeh.models import Div

        curdoc().add_root(Div(text=f"process {os.getpid()}"))
        """,
    )


def page_of(served: Serving) -> tuple[str, str]:
    """Visit the page; the endpoint and the ticket that it names."""
    text = httpx.get(served.lines[0], timeout=30).text
    named = re.search(r'endpoint="([^"]+)"', text)
    ticket = re.search(r'ticket="([^"]+)"', text)
    assert named
    assert ticket
    return urljoin(served.lines[0], named[1]), ticket[1]


def process_of(client: Client) -> int:
    document = bytes(client.wait_for(wire.SnapshotFrame).document).decode()
    found = re.search(r"process (\d+)", document)
    assert found
    return int(found[1])


def test_pages_take_turns_among_the_processes(app: Path, tmp_path: Path) -> None:
    seen = set()
    with serving(tmp_path, app, "--num-procs", "3") as served:
        for _ in range(3):
            endpoint, ticket = page_of(served)
            with Client(socket_url(endpoint)) as client:
                client.open(ticket)
                seen.add(process_of(client))
        assert len(seen) == 3
        assert served.stop() == 0
        assert "Traceback" not in served.log


def test_a_page_that_has_lost_its_socket_finds_its_session_again(app: Path, tmp_path: Path) -> None:
    with serving(tmp_path, app, "--num-procs", "3") as served:
        for _ in range(6):
            endpoint, ticket = page_of(served)
            with Client(socket_url(endpoint)) as client:
                opened = client.open(ticket)
                snapshot = client.wait_for(wire.SnapshotFrame)
                client.drop()
            with Client(socket_url(endpoint)) as client:
                assert client.resume(opened, snapshot.seq).recovered


def test_files_have_one_address_whichever_process_names_them(app: Path, tmp_path: Path) -> None:
    with serving(tmp_path, app, "--num-procs", "2") as served:
        scripts = set()
        for _ in range(2):
            endpoint, ticket = page_of(served)
            with Client(socket_url(endpoint)) as client:
                client.open(ticket)
                snapshot = client.wait_for(wire.SnapshotFrame)
                scripts.add(tuple(urljoin(f"{endpoint}/", each) for each in snapshot.scripts))
        (addresses,) = scripts
        assert addresses
        for each in addresses:
            assert httpx.get(each, timeout=30).status_code == 200


def test_another_takes_the_place_of_a_process_that_has_died(app: Path, tmp_path: Path) -> None:
    with serving(tmp_path, app, "--num-procs", "2") as served:
        endpoint, ticket = page_of(served)
        with Client(socket_url(endpoint)) as client:
            client.open(ticket)
            os.kill(process_of(client), signal.SIGKILL)
        until(lambda: "another takes its place" in served.log)
        with Client(socket_url(endpoint)) as client:
            client.open(ticket)
            process_of(client)


def test_a_ticket_is_renewed_on_whatever_connection_is_at_hand(app: Path, tmp_path: Path) -> None:
    with serving(tmp_path, app, "--num-procs", "2") as served, httpx.Client(timeout=30) as browser:
        browser.get(served.lines[0])
        for _ in range(2):
            endpoint, ticket = page_of(served)
            renewed = browser.post(f"{endpoint}/ticket", json={"ticket": ticket})
            assert renewed.status_code == 200, renewed.text


def test_with_https_a_visitor_s_address_decides(app: Path, tmp_path: Path) -> None:
    made = certificate(tmp_path)
    arguments = ["--ssl-certfile", made.path, "--ssl-keyfile", made.key, "--num-procs", "2"]
    with serving(tmp_path, app, *arguments) as served:
        trusted = trusting(made.path)
        texts = [httpx.get(served.lines[0], verify=trusted, timeout=30).text for _ in range(4)]
        assert len({re.findall(r'endpoint="([^"]+)"', each)[0] for each in texts}) == 1
        assert ticket_of(served.lines[0], verify=trusted)


def test_a_visitor_who_says_nothing_keeps_nobody_waiting(app: Path, tmp_path: Path) -> None:
    with serving(tmp_path, app, "--num-procs", "2") as served:
        where = urlsplit(served.root)
        with socket.create_connection((where.hostname, where.port)) as silent:
            assert httpx.get(served.lines[0], timeout=30).status_code == 200
            silent.sendall(b"GET /_embedsync/health HT")
            assert httpx.get(served.lines[0], timeout=30).status_code == 200
            silent.sendall(b"TP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
            with silent.makefile("rb") as answer:
                assert json.loads(answer.read().rpartition(b"\r\n\r\n")[2])["status"] == "ok"


def test_mistakes_are_told_once_and_before_anything_starts(app: Path) -> None:
    app.write_text("y = = 2\n")
    assert "myapp.py" in complaint("serve", app, "--num-procs", "2")


class TestChooser:
    def test_an_address_that_names_a_process_leads_there(self) -> None:
        chooser = Chooser(4)
        assert chooser.choose(b"GET /apps/_embedsync-3/socket HTTP/1.1\r\n", "") == 3
        assert chooser.choose(b"GET /_embedsync-7/socket HTTP/1.1\r\n", "") == 3

    def test_visitors_take_turns_whatever_files_they_load(self) -> None:
        chooser = Chooser(2)
        chosen = []
        for _ in range(4):
            chosen.append(chooser.choose(b"GET /myapp HTTP/1.1\r\n", ""))
            chooser.choose(b"GET /_embedsync/embed.js HTTP/1.1\r\n", "")
        assert chosen == [0, 1, 0, 1]

    def test_a_session_that_is_named_has_its_process(self) -> None:
        chooser = Chooser(4)
        head = b"GET /myapp?a=1&bokeh-session-id=%s HTTP/1.1\r\n"
        chosen = {each: chooser.choose(head % each, "") for each in (b"a", b"b", b"c", b"d", b"e")}
        assert len(set(chosen.values())) > 1
        assert {each: chooser.choose(head % each, "elsewhere") for each in chosen} == chosen

    def test_sockets_of_one_browser_go_to_one_process(self) -> None:
        chooser = Chooser(8)
        head = b"GET /_embedsync/socket HTTP/1.1\r\nUpgrade: websocket\r\nUser-Agent: %s\r\n\r\n"
        assert len({chooser.choose(head % b"one", "192.0.2.1") for _ in range(9)}) == 1
        assert len({chooser.choose(head % bytes([each]), "192.0.2.1") for each in range(48, 58)}) > 1

    def test_a_stock_client_and_a_page_that_name_one_session_meet(self) -> None:
        chooser = Chooser(8)
        for session in (b"one", b"two", b"three", b"four"):
            token = generate_jwt_token(ID(session.decode()), secret_key=None).encode()
            socket_head = (
                b"GET /myapp/ws HTTP/1.1\r\nUpgrade: websocket\r\nSec-WebSocket-Protocol: bokeh, " + token
            )
            page_head = b"GET /myapp?bokeh-session-id=" + session + b" HTTP/1.1\r\n"
            assert chooser.choose(socket_head + b"\r\n", "here") == chooser.choose(page_head, "there")
        chooser.choose(b"GET /a/ws HTTP/1.1\r\nSec-WebSocket-Protocol: bokeh, W10\r\n", "here")
