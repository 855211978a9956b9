"""``manage.py live list`` and ``manage.py live doctor``."""

from __future__ import annotations

import http.client
import os
from base64 import b64encode
from typing import Any
from urllib.parse import urljoin, urlsplit

from django.core.checks import CheckMessage, run_checks
from django.core.checks.messages import ERROR
from django.core.management.base import BaseCommand, CommandError, CommandParser

from embedsync.errors import ConfigurationError
from embedsync_django.checks import check_project
from embedsync_django.configuration import endpoint, registrations, url_prefix
from embedsync_django.registry import Registration, embed

__all__ = ["Command"]


class Command(BaseCommand):
    """Lists live apps, or looks for what keeps them from working."""

    help = "Lists the live apps of this project, or looks for what keeps them from working."
    requires_system_checks: list[str] = []  # noqa: RUF012  (as Django declares it; the doctor runs them itself)

    def add_arguments(self, parser: CommandParser) -> None:
        """Declare the two actions."""
        actions = parser.add_subparsers(dest="action", required=True, title="actions")
        actions.add_parser("list", help="the apps and where they come from")
        doctor = actions.add_parser("doctor", help="check the set-up, and a running server with --url")
        doctor.add_argument("--url", help="where the site runs now, such as http://127.0.0.1:8000")

    def handle(self, *args: Any, **options: Any) -> None:
        """Do what was asked for."""
        if options["action"] == "list":
            self._list()
        else:
            self._doctor(options["url"])

    def _list(self) -> None:
        try:
            found = registrations(embed)
        except ConfigurationError as error:
            raise CommandError(str(error)) from error
        if not found:
            self.stdout.write("There are no live apps: add some in the live.py of an app of this project.")
        width = max((len(name) for name in found), default=0)
        for name, registration in sorted(found.items()):
            self.stdout.write(f"{name:{width}}  {_described(registration)}".rstrip())

    def _doctor(self, url: str | None) -> None:
        problems = [each for each in check_project() if not each.is_silenced()]
        for each in problems:
            self._tell(each)
        failed = any(each.level >= ERROR for each in problems)
        others = [each for each in run_checks() if each.level >= ERROR and each not in problems]
        if others:
            self.stdout.write(
                f"manage.py check finds {len(others)} more errors that are not about live apps."
            )
        if not problems:
            self.stdout.write(self.style.SUCCESS("The settings are right."))
        if url is not None:
            failed = not self._visit(url) or failed
        if failed:
            raise CommandError("Live apps will not work like this.")

    def _tell(self, problem: CheckMessage) -> None:
        style = self.style.ERROR if problem.level >= ERROR else self.style.WARNING
        self.stdout.write(style(f"{problem.id}: {problem.msg}"))
        if problem.hint:
            self.stdout.write(f"    {problem.hint}")

    def _visit(self, url: str) -> bool:
        """Ask a running server for its health and its socket."""
        live = _endpoint_at(url)
        status = _status(f"{live}/health")
        if status != 200:
            self.stdout.write(self.style.ERROR(f"{live}/health answers {status}, not 200."))
            self.stdout.write(f"    {_HEALTH_HINTS.get(status, _HEALTH_HINTS[404])}")
            return False
        status = _status(f"{live}/socket", upgrade=True)
        if status != 101:
            self.stdout.write(self.style.ERROR(f"{live}/socket does not become a WebSocket: {status}."))
            self.stdout.write(f"    {_SOCKET_HINTS.get(status, _SOCKET_HINTS[426])}")
            return False
        self.stdout.write(self.style.SUCCESS(f"The socket at {live}/socket opens."))
        return self._visit_files(url)

    def _visit_files(self, url: str) -> bool:
        """Ask for the module that pages load."""
        module = urljoin(url, embed.hub.assets.runtime_url())
        status = _status(module)
        if status != 200:
            self.stdout.write(self.style.ERROR(f"{module} answers {status}, not 200."))
            self.stdout.write("    Run manage.py collectstatic, and serve STATIC_ROOT at STATIC_URL.")
            return False
        self.stdout.write(self.style.SUCCESS(f"Static files are served: {module}"))
        return True


def _described(registration: Registration) -> str:
    options = ", ".join(f"{name}={_named(value)}" for name, value in registration.options.items())
    return f"{registration.origin}  {options}"


def _named(value: Any) -> str:
    return getattr(value, "__name__", type(value).__name__) if callable(value) else repr(value)


_HEALTH_HINTS: dict[int | str, str] = {
    400: "Name the host in ALLOWED_HOSTS.",
    404: "Is the site running there, and is its asgi.py the one that was checked?",
}
_SOCKET_HINTS: dict[int | str, str] = {
    403: "The site does not take this address for its own: a proxy in front must pass on Host, and "
    "SECURE_PROXY_SSL_HEADER must say how it tells that the browser used https.",
    426: "Run an ASGI server that knows WebSockets: daphne, or uvicorn with 'pip install websockets'. A "
    "proxy in front must pass on Upgrade and Connection.",
}


def _endpoint_at(url: str) -> str:
    """Where the endpoint is on a running server; an address with a path says where the site begins."""
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise CommandError(f"--url must be an address such as http://127.0.0.1:8000, not {url!r}")
    if parts.path.strip("/"):
        return f"{url.rstrip('/')}/{url_prefix()}"
    return urljoin(url, endpoint())


def _status(url: str, *, upgrade: bool = False) -> int | str:
    """The status of a GET, or what went wrong."""
    parts = urlsplit(url)
    make = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
    connection = make(parts.hostname or "", parts.port, timeout=10)
    headers = {"Host": parts.netloc}
    if upgrade:
        headers |= {
            "Origin": f"{parts.scheme}://{parts.netloc}",
            "Upgrade": "websocket",
            "Connection": "Upgrade",
            "Sec-WebSocket-Version": "13",
            "Sec-WebSocket-Key": b64encode(os.urandom(16)).decode(),
        }
    try:
        connection.request("GET", parts.path, headers=headers)
        return connection.getresponse().status
    except (OSError, http.client.HTTPException) as error:
        return str(error) or type(error).__name__
    finally:
        connection.close()
