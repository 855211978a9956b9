"""Serves sites side by side, each in a process of its own, and leaves none of them behind."""

import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

START_TIME = 60
STOP_TIME = 20


class CannotServeError(Exception):
    """What keeps the sites from being served, in a sentence for whoever starts them."""


@dataclass(frozen=True)
class Site:
    """A site and how it is served: what to give to `python -m`."""

    name: str
    address: str
    port: int
    server: tuple[str, ...]

    @property
    def url(self) -> str:
        """Where a browser on this machine finds it."""
        everywhere = self.address == "0.0.0.0"  # noqa: S104  (it is compared, not bound)
        return f"http://{'127.0.0.1' if everywhere else self.address}:{self.port}"

    def check_port(self) -> None:
        """Raise an error if the port cannot be had."""
        with socket.socket() as probe:
            # Connections of an earlier run that linger are no hindrance to a server either.
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((self.address, self.port))
            except OSError as error:
                reason = error.strerror or str(error)
                raise CannotServeError(
                    f"The {self.name} site cannot have port {self.port}: {reason}."
                ) from error

    def answers(self) -> bool:
        """Say whether it answers by now, be it with an error."""
        try:
            with urllib.request.urlopen(self.url, timeout=5):  # noqa: S310  (it is http, on this machine)
                return True
        except urllib.error.HTTPError as error:
            error.close()
            return True
        except OSError:
            return False


class Stopping:
    """Whether the sites are to stop: set by signals, and urgent when they come twice."""

    def __init__(self) -> None:
        self.wanted = threading.Event()
        self.urgent = threading.Event()

    def listen(self) -> None:
        """Take the signals that ask a process to end."""
        for each in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(each, lambda _number, _frame: self._set())

    def _set(self) -> None:
        (self.urgent if self.wanted.is_set() else self.wanted).set()


def serve(sites: Sequence[Site], stopping: Stopping) -> None:
    """Serve until it is to stop; say where the sites are once all of them answer.

    Raises:
        CannotServeError: a site could not be started, or has ended.
    """
    deadline = time.monotonic() + START_TIME
    with processes(sites, stopping) as running:
        while not all(each.answers() for each in sites):
            check_alive(running)
            if time.monotonic() > deadline:
                raise CannotServeError(f"The sites did not answer within {START_TIME} seconds.")
            # To stop waits until they are there: gunicorn's worker does not hear of it while it begins.
            if stopping.urgent.wait(0.2):
                return
        if not stopping.wanted.is_set():
            for each in sites:
                sys.stdout.write(f"{f'The {each.name} site:':18}{each.url}\n")
            sys.stdout.write("Ctrl-C stops them.\n")
            sys.stdout.flush()
        while not stopping.wanted.wait(0.5):
            check_alive(running)


def check_alive(running: dict[Site, subprocess.Popen[bytes]]) -> None:
    """Raise an error if one of the sites has ended."""
    for site, process in running.items():
        code = process.poll()
        if code is not None:
            raise CannotServeError(f"The {site.name} site has ended by itself, with exit code {code}.")


@contextmanager
def processes(sites: Sequence[Site], stopping: Stopping) -> Iterator[dict[Site, subprocess.Popen[bytes]]]:
    """Run the servers of the sites until the end of the block."""
    running: dict[Site, subprocess.Popen[bytes]] = {}
    try:
        for site in sites:
            command = [sys.executable, "-m", *site.server]
            running[site] = subprocess.Popen(command, preexec_fn=block_interrupts)  # noqa: S603
        yield running
    finally:
        stop(list(running.values()), stopping)


def block_interrupts() -> None:
    """Leave Ctrl-C, which a terminal sends to all of us, to the process that started the servers."""
    signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGINT])


def stop(running: Sequence[subprocess.Popen[bytes]], stopping: Stopping) -> None:
    """End processes: first politely, and by force where that takes too long."""
    deadline = time.monotonic() + STOP_TIME
    for each in running:
        each.terminate()
    while any(each.poll() is None for each in running):
        if time.monotonic() > deadline or stopping.urgent.wait(0.05):
            break
    for each in running:
        each.kill()
        each.wait()
