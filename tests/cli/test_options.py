"""What each option of `bokeh serve` does in `embedsync serve`; docs/command-line.md lists them."""

import re
import signal
import ssl
from pathlib import Path

import httpx
import pytest
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect

from embedsync import wire
from tests.asgi.client import Client, socket_url
from tests.asgi.server import until
from tests.cli.certificates import certificate
from tests.cli.process import Serving, serving
from tests.cli.test_mistakes import complaint
from tests.cli.visits import document_of, script, ticket_of, trusting

KEY = "only for tests, and as long as Bokeh wants it"


@pytest.fixture
def app(tmp_path: Path) -> Path:
    return script(
        tmp_path,
        "myapp.py",
        """
        from bokeh.io import curdoc
        from bokeh.models import Div

        request = curdoc().session_context.request
        told = f"{request.remote_ip} by {request.protocol}, {sorted(request.headers)}, {request.cookies}"
        curdoc().add_root(Div(text=told))
        """,
    )


def sessions_of(served: Serving) -> int:
    return int(httpx.get(f"{served.endpoint}/health").json()["sessions"])


def test_documents_are_built_before_anybody_comes_and_models_are_made_sooner(tmp_path: Path) -> None:
    app = script(
        tmp_path,
        "ahead.py",
        """
        from pathlib import Path

        from bokeh.io import curdoc
        from bokeh.models import Div

        from embedsync.documents.bokeh.accelerator import is_installed

        built = Path(__file__).with_suffix(".built")
        built.write_text("built")
        curdoc().add_root(Div(text=f"accelerated: {is_installed()}"))
        """,
    )
    with serving(tmp_path, app, "--prebuild", 1, "--accelerate") as served:
        until((tmp_path / "ahead.built").exists)
        assert "accelerated: True" in document_of(served)


class TestWhere:
    def test_a_unix_socket_in_place_of_a_port(self, app: Path, tmp_path: Path) -> None:
        path = tmp_path / "socket"
        transport = httpx.HTTPTransport(uds=str(path))
        with (
            serving(tmp_path, app, "--unix-socket", path, port=False) as served,
            httpx.Client(transport=transport, timeout=30) as client,
        ):
            assert served.lines == [f"{path}:/myapp"]
            # Which names reach it is the proxy's business.
            assert client.get("http://example.org/myapp").status_code == 200
            assert served.stop() == 0
        assert not path.exists()

    def test_a_unix_socket_that_was_left_behind_is_put_away(self, app: Path, tmp_path: Path) -> None:
        path = tmp_path / "socket"
        with serving(tmp_path, app, "--unix-socket", path, port=False) as served:
            served.stop(signal.SIGKILL)
        assert path.exists()
        with serving(tmp_path, app, "--unix-socket", path, port=False):
            assert "is in use" in complaint("serve", app, "--unix-socket", path)

    def test_a_unix_socket_takes_the_place_of_nothing_else(self, app: Path, tmp_path: Path) -> None:
        assert "something else" in complaint("serve", app, "--unix-socket", app)
        assert "in place of --port" in complaint("serve", app, "--unix-socket", tmp_path / "s", "--port", 0)

    def test_the_default_port_comes_from_the_environment(self, app: Path, tmp_path: Path) -> None:
        variables = {"BOKEH_DEFAULT_SERVER_PORT": "0"}
        with serving(tmp_path, app, port=False, variables=variables) as served:
            assert not served.root.endswith(":5006")
            assert httpx.get(served.lines[0], timeout=30).status_code == 200

    @pytest.mark.parametrize("by", ["options", "variables"])
    def test_pages_and_sockets_by_https(self, app: Path, tmp_path: Path, by: str) -> None:
        made = certificate(tmp_path, password="open sesame")
        variables = {"BOKEH_SSL_PASSWORD": "open sesame"}
        arguments: list[object] = []
        if by == "options":
            arguments = ["--ssl-certfile", made.path, "--ssl-keyfile", made.key]
        else:
            variables |= {"BOKEH_SSL_CERTFILE": str(made.path), "BOKEH_SSL_KEYFILE": str(made.key)}
        trusted = trusting(made.path)
        with serving(tmp_path, app, *arguments, variables=variables) as served:
            assert served.root.startswith("https://localhost:")
            ticket = ticket_of(served.lines[0], verify=trusted)
            # This client reads and writes on two threads at once, and with TLS 1.3 reading may have to write.
            trusted.maximum_version = ssl.TLSVersion.TLSv1_2
            with connect(socket_url(served.endpoint), ssl=trusted, proxy=None) as socket:
                socket.send(wire.frame(1, wire.encode_payload(wire.Open(protocol=1, ticket=ticket))))
                _, frame, _ = wire.decode_server_frame(bytes(socket.recv(20)))
                assert isinstance(frame, wire.Opened)

    def test_certificates_that_cannot_be_used(self, app: Path, tmp_path: Path) -> None:
        made = certificate(tmp_path, password="open sesame")
        assert "BOKEH_SSL_PASSWORD" in complaint(
            "serve", app, "--ssl-certfile", made.path, "--ssl-keyfile", made.key
        )
        assert "no file" in complaint("serve", app, "--ssl-certfile", tmp_path / "none.pem")
        assert "--ssl-certfile" in complaint("serve", app, "--ssl-keyfile", made.key)

    def test_visitors_are_who_a_proxy_says_they_are_only_where_that_is_wanted(
        self, app: Path, tmp_path: Path
    ) -> None:
        headers = {"X-Real-Ip": "192.0.2.7", "X-Scheme": "https"}
        with serving(tmp_path, app, "--use-xheaders") as served:
            own = served.root.replace("http", "https", 1)
            assert "192.0.2.7 by https" in document_of(served, headers={**headers, "Origin": own})
            assert "127.0.0.1 by http," in document_of(served, headers={"X-Real-Ip": "nobody"})
        with serving(tmp_path, app) as served:
            assert "127.0.0.1 by http," in document_of(served, headers=headers)

    def test_origins_from_the_environment(self, app: Path, tmp_path: Path) -> None:
        variables = {"BOKEH_ALLOW_WS_ORIGIN": "friend.example,other.example:8000"}
        with serving(tmp_path, app, variables=variables) as served:
            for origin in ("https://friend.example", "http://other.example:8000"):
                with Client(socket_url(served.endpoint), {"Origin": origin}):
                    pass


class TestPages:
    def test_glob_takes_all_that_a_pattern_matches(self, tmp_path: Path) -> None:
        for name in ("one.py", "two.py"):
            script(tmp_path, name, "")
        with serving(tmp_path, "--glob", tmp_path / "*.py", apps=2) as served:
            assert [each.rpartition("/")[2] for each in served.lines] == ["one", "two"]
        assert "nothing matches" in complaint("serve", "--glob", tmp_path / "*.ipynb")

    def test_an_icon(self, app: Path, tmp_path: Path) -> None:
        icon = tmp_path / "my.ico"
        icon.write_bytes(b"an icon")
        with serving(tmp_path, app, "--ico-path", icon) as served:
            assert httpx.get(f"{served.root}/favicon.ico").content == b"an icon"
        with serving(tmp_path, app, variables={"BOKEH_ICO_PATH": str(icon)}) as served:
            assert httpx.get(f"{served.root}/favicon.ico").content == b"an icon"
        with serving(tmp_path, app, "--ico-path", "none") as served:
            assert httpx.get(f"{served.root}/favicon.ico").status_code == 404
        with serving(tmp_path, app) as served:
            assert httpx.get(f"{served.root}/favicon.ico").headers["Content-Type"] == "image/svg+xml"
        assert "--ico-path" in complaint("serve", app, "--ico-path", tmp_path / "none.ico")

    def test_an_index_of_ones_own(self, app: Path, tmp_path: Path) -> None:
        other = script(tmp_path, "other.py", "")
        template = tmp_path / "index.html"
        template.write_text("{% for each in items %}<a href='{{ prefix }}{{ each }}'></a>{% end %}")
        with serving(tmp_path, app, other, "--index", template, "--prefix", "apps", apps=2) as served:
            text = httpx.get(f"{served.root}/").text
            assert text == "<a href='/apps/myapp'></a><a href='/apps/other'></a>"
        template.write_text("{% for each in items %}")
        assert "--index" in complaint("serve", app, "--index", template)

    def test_no_index(self, app: Path, tmp_path: Path) -> None:
        with serving(tmp_path, app, "--disable-index") as served:
            for path in ("/", "/nothing"):
                answer = httpx.get(f"{served.root}{path}")
                assert answer.status_code == 404
                assert "myapp" not in answer.text
            assert httpx.get(served.lines[0], timeout=30).status_code == 200

    def test_an_index_of_a_single_app(self, app: Path, tmp_path: Path) -> None:
        with serving(tmp_path, app, "--disable-index-redirect") as served:
            assert ">myapp<" in httpx.get(f"{served.root}/").text
        with serving(tmp_path, app) as served:
            assert httpx.get(f"{served.root}/").headers["Location"] == "./myapp"


class TestWhatAppsAreShown:
    def shown(self, app: Path, tmp_path: Path, *arguments: str) -> str:
        with serving(tmp_path, app, *arguments) as served:
            return document_of(served, headers={"X-One": "1", "X-Two": "2", "Cookie": "a=1; b=2"})

    def test_everything_by_itself(self, app: Path, tmp_path: Path) -> None:
        told = self.shown(app, tmp_path)
        assert all(each in told for each in ("X-One", "X-Two", "{'a': '1', 'b': '2'}"))

    def test_headers_that_are_included(self, app: Path, tmp_path: Path) -> None:
        assert "['X-One', 'X-Two']" in self.shown(app, tmp_path, "--include-headers", "x-one", "X-Two")

    def test_headers_that_are_excluded(self, app: Path, tmp_path: Path) -> None:
        told = self.shown(app, tmp_path, "--exclude-headers", "X-One", "Host")
        assert "X-Two" in told
        assert not any(each in told for each in ("X-One", "'Host'", "'Cookie'"))

    def test_cookies_that_are_included(self, app: Path, tmp_path: Path) -> None:
        told = self.shown(app, tmp_path, "--include-cookies", "a")
        assert "{'a': '1'}" in told
        assert "'Cookie'" not in told

    def test_cookies_that_are_excluded(self, app: Path, tmp_path: Path) -> None:
        assert "{'b': '2'}" in self.shown(app, tmp_path, "--exclude-cookies", "a")

    def test_both_lists_at_once_make_no_sense(self, app: Path) -> None:
        told = complaint("serve", app, "--include-cookies", "a", "--exclude-cookies", "b")
        assert "cannot both be given" in told


class TestLimits:
    def test_pings_come_as_often_as_keep_alive_says(self, app: Path, tmp_path: Path) -> None:
        with (
            serving(tmp_path, app, "--keep-alive", "200") as served,
            Client(socket_url(served.endpoint)) as client,
        ):
            assert client.open(ticket_of(served.lines[0])).heartbeat == 0.2
            client.wait_for(wire.Ping)

    def test_pings_cannot_be_turned_off(self, app: Path, tmp_path: Path) -> None:
        with serving(tmp_path, app, "--keep-alive", "0") as served:
            assert "so they go on" in served.log

    @pytest.mark.parametrize("lifetime", [("--unused-session-lifetime", "100"), ("--grace", "0.1")])
    def test_a_session_that_nobody_uses_ends(
        self, app: Path, tmp_path: Path, lifetime: tuple[str, str]
    ) -> None:
        with serving(tmp_path, app, *lifetime, "--check-unused-sessions", "600000") as served:
            document_of(served)
            until(lambda: sessions_of(served) == 0)

    def test_lifetimes_that_contradict_each_other(self, app: Path) -> None:
        assert "say the same" in complaint("serve", app, "--grace", 1, "--unused-session-lifetime", 1)

    def test_a_page_opens_its_session_in_time_or_needs_a_new_ticket(self, app: Path, tmp_path: Path) -> None:
        with serving(tmp_path, app, "--session-token-expiration", "5") as served:
            ticket = ticket_of(served.lines[0])

            def is_refused() -> bool:
                with Client(socket_url(served.endpoint)) as client:
                    client.send(1, wire.Open(protocol=1, ticket=ticket))
                    frame = client.receive()
                    return isinstance(frame, wire.Closed) and frame.code == wire.Close.TICKET_EXPIRED

            until(is_refused)
            document_of(served)

    def test_messages_of_more_bytes_are_not_taken(self, app: Path, tmp_path: Path) -> None:
        with (
            serving(tmp_path, app, "--websocket-max-message-size", "5000") as served,
            Client(socket_url(served.endpoint)) as client,
        ):
            client.open(ticket_of(served.lines[0]))
            client.socket.send(b"x" * 5001)
            with pytest.raises(ConnectionClosed):
                client.wait_for(wire.Closed)
            assert client.socket.close_code in (1009, wire.Close.TOO_BIG)

    @pytest.mark.parametrize("option", ["--websocket-compression-level", "--websocket-compression-mem-level"])
    def test_messages_are_compressed_where_that_is_wanted(
        self, app: Path, tmp_path: Path, option: str
    ) -> None:
        with serving(tmp_path, app, option, "9") as served:
            with connect(socket_url(served.endpoint), proxy=None) as socket:
                assert [each.name for each in socket.protocol.extensions] == ["permessage-deflate"]
            document_of(served)
        with serving(tmp_path, app) as served, connect(socket_url(served.endpoint), proxy=None) as socket:
            assert socket.protocol.extensions == []

    def test_signed_sessions_need_a_key(self, app: Path, tmp_path: Path) -> None:
        assert "BOKEH_SECRET_KEY" in complaint("serve", app, "--session-ids", "signed")
        variables = {"BOKEH_SECRET_KEY": KEY}
        with serving(tmp_path, app, "--session-ids", "signed", variables=variables) as served:
            document_of(served)


class TestReports:
    def test_the_log_goes_to_a_file_in_the_format_that_was_asked_for(self, app: Path, tmp_path: Path) -> None:
        file = tmp_path / "written"
        arguments = ["--log-file", file, "--log-format", "<%(levelname)s>"]
        with serving(tmp_path, app, *arguments) as served:
            document_of(served)
            until(lambda: "<INFO>" in file.read_text())
            assert served.log == ""
        assert "--log-file" in complaint("serve", app, "--log-file", tmp_path / "no" / "folder")

    @pytest.mark.parametrize("by", ["option", "variable", "file"])
    def test_the_level_of_the_log(self, app: Path, tmp_path: Path, by: str) -> None:
        configuration = tmp_path / "settings.yaml"
        configuration.write_text("py_log_level: debug\n")
        arguments = {"option": ["--log-level", "debug"], "file": ["--use-config", configuration]}.get(by, [])
        variables = {"BOKEH_PY_LOG_LEVEL": "debug"} if by == "variable" else None
        with serving(tmp_path, app, *arguments, "--stats-log-frequency", "50", variables=variables) as served:
            until(lambda: "0 sessions, 0 sockets" in served.log)

    def test_numbers_are_told_at_level_debug_only(self, app: Path, tmp_path: Path) -> None:
        arguments = ["--stats-log-frequency", "20", "--mem-log-frequency", "200"]
        with serving(tmp_path, app, *arguments) as served:
            until(lambda: re.search(r"\d MiB of memory, for 0 sessions", served.log))
            assert "sockets" not in served.log

    def test_a_configuration_that_cannot_be_read(self, app: Path, tmp_path: Path) -> None:
        assert "--use-config" in complaint("serve", app, "--use-config", tmp_path / "none.yaml")
