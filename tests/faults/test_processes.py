"""Processes that are told to stop, are killed, fork, or reload: F6, F7, F21, F22."""

from __future__ import annotations

import os
import random
import signal
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

from embedsync import wire
from tests.contract.client import Client, change, elements_of
from tests.contract.servers import ROOT, SERVERS, Server, free_port, gunicorn
from tests.faults.counts import count
from tests.faults.report import Figures
from tests.faults.sites import PATIENT, FaultSite, serving, wait_until
from tests.support.history import check_callbacks
from tests.support.proxy import Proxy
from tests.support.replica import Replica, message
from tests.support.resources import family


def test_f6_a_server_that_is_told_to_stop_finishes_what_runs_and_sends_its_browsers_away_to_come_back(
    adapter: str, tmp_path: Path, figures: Figures
) -> None:
    """SIGTERM while callbacks run; one worker. (uvicorn closes all sockets itself, at once.)"""
    settings = {**PATIENT, "stop_timeout": 5.0}
    with serving(adapter, tmp_path, settings) as site, ExitStack() as stack:
        busy = stack.enter_context(site.replica("work")).wait_shown()
        others = [stack.enter_context(site.replica("tally")).wait_shown() for _ in range(5)]
        working = busy.say("sleep", 0.5)
        busy.wait_for_value("report", "working")
        started = time.monotonic()
        site.process.send_signal(signal.SIGTERM)
        if not adapter.endswith("uvicorn"):
            assert busy.result(working).commit
            busy.wait_for_value("report", "done")
            for each in (busy, *others):
                each.wait(lambda each=each: each.closes)
                assert each.closes[0] == wire.Close.DRAIN
                assert any(notice.kind is wire.NoticeKind.DRAIN for notice in each.notices)
        site.process.wait(20)
        figures("stopped after", time.monotonic() - started, "s")
        for each in (busy, *others):
            each.vanish()
            actions = {wire.action_of(code) for code in each.closes}
            assert actions <= {wire.Action.RETRY, wire.Action.REOPEN}, each.closes
        finished = site.runs(busy.session, "slept") == [0.5]
        # This project routes no lifespan, and uvicorn ends the process without asking anybody else.
        assert finished or adapter == "django-uvicorn"
        figures("the callback that ran has finished", "yes" if finished else "no")
        assert "Traceback" not in site.log.read_text()
        figures("closed with", str(busy.closes[0]) if busy.closes else "no code")


def test_f7_after_a_server_was_killed_its_browsers_begin_anew_and_stale_edits_change_nothing(
    adapter: str, tmp_path: Path, figures: Figures
) -> None:
    """SIGKILL at random moments under edits; another process begins at the same port, with the same ids."""
    dice, port, kills = random.Random(7), free_port(), count(1, 13)
    stale: tuple[str, str] | None = None
    with Proxy(port) as proxy, ExitStack() as stack:
        replica: Replica | None = None
        for _ in range(kills):
            with serving(adapter, tmp_path, PATIENT, port=port) as site:
                if replica is None:
                    replica = stack.enter_context(site.replica("tally", proxy))
                replica.wait_shown()
                stale = (replica.epoch, replica.id_of("amount"))
                with _editing(replica) as numbers:
                    goal = len(numbers) + dice.randint(1, 60)
                    wait_until(lambda numbers=numbers, goal=goal: len(numbers) > goal)
                    _kill(site)
        assert replica is not None
        assert stale is not None
        sessions = len(replica.sessions)
        with serving(adapter, tmp_path, PATIENT, port=port) as site:
            replica.wait(lambda: len(replica.sessions) > sessions and replica.mirror is not None)
            started = time.monotonic()
            replica.result(replica.say("step", -1))
            answered = time.monotonic() - started
            replica.wait_settled().check_equal_to_the_servers()
            assert wire.Close.SESSION_GONE in replica.closes
            runs = [n for session in replica.sessions for n in site.runs(session, "step")]
            ok = check_callbacks([replica.history], runs, deaths=kills)
            unknown = len(replica.history.named("unknown"))
            _check_stale_edits(site, *stale, figures)
            replica.leave()
    figures("kills", kills)
    figures("edits that were answered", ok)
    figures("edits under way when it died", unknown)
    figures("first answer after that", answered, "s")


PRELOADED = Server(
    lambda port: [
        *gunicorn(port, "--config", "python:embedsync_flask.gunicorn", "--preload")[:-1],
        "--workers", "4", "tests.faults.preloaded:application",
    ],
    "/live/health",
    "/page/",
)  # fmt: skip


@pytest.mark.parametrize("adapter", ["flask-gthread"])
def test_f21_workers_that_fork_after_the_site_was_imported_have_sessions_timers_and_loops_of_their_own(
    adapter: str, tmp_path: Path, figures: Figures
) -> None:
    """gunicorn --preload with four workers, and the hub made before it forks."""
    sessions: set[str] = set()
    processes: set[int] = set()
    visits = 0
    with serving(adapter, tmp_path, PATIENT, server=PRELOADED) as site:
        started = time.monotonic()
        while len(processes) < 4 or visits < 8:
            visits += 1
            assert visits < 400, f"only {processes} have served anybody"
            [element] = elements_of(site.page("tally"))
            with Client(element.endpoint) as client:
                tally = client.open(element.ticket)
                client.edit(tally, message("step", visits))
                client.wait_for_value(tally, "count", "value", "1")
                others = [
                    client.open(elements_of(site.page(app))[0].ticket) for app in ("ticking", "asynchronous")
                ]
                client.wait(lambda client=client, of=others[0]: int(client.value(of, "report", "value")) >= 1)
                client.set(others[1], "amount", "value", 7)
                client.wait_for_value(others[1], "report", "value", "amount is 7")
                for each in (tally, *others):
                    assert each.opened is not None
                    sessions.add(each.opened.session)
                    client.send(each, wire.Detach())
            processes.add(site.census().process)
        assert len(sessions) == 3 * visits, "ids differ"
        figures("workers", len(processes))
        figures("sessions", len(sessions))
        figures("a visit with three of them", (time.monotonic() - started) / visits, "s")


RELOADING: dict[str, Server] = {
    "flask-werkzeug": Server(
        lambda port: [*SERVERS["flask-werkzeug"].command(port), "--debug"], "/live/health", "/page/"
    ),
    "django-runserver": Server(
        lambda port: [
            sys.executable, "-m", "django", "runserver", str(port), "--settings",
            "tests.contract.django_site.settings",
        ],
        "/live/health",
        "/page/",
    ),
    "asgi-uvicorn": Server(
        lambda port: [
            *SERVERS["asgi-uvicorn"].command(port), "--reload", "--reload-dir", os.environ["FAULTS_DIR"],
        ],
        "/live/health",
        "/page/",
    ),
}  # fmt: skip


@pytest.mark.parametrize("adapter", list(RELOADING))
def test_f22_when_the_code_is_changed_browsers_go_on_with_the_new_code(
    adapter: str, tmp_path: Path, figures: Figures, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The file of an app is written to while edits are made; the development server reloads."""
    module = tmp_path / "faults_reloaded.py"
    code = (ROOT / "tests" / "faults" / "apps.py").read_text()
    module.write_text(code)
    monkeypatch.setenv("FAULTS_DIR", str(tmp_path))
    environment = {"SITE_APPS": module.stem, "PYTHONPATH": f"{ROOT}{os.pathsep}{tmp_path}"}
    with (
        serving(adapter, tmp_path, PATIENT, server=RELOADING[adapter], **environment) as site,
        site.replica("tally").wait_shown() as replica,
    ):
        with _editing(replica) as numbers:
            wait_until(lambda: len(numbers) > 20)
            started = time.monotonic()
            # In one go, as editors save: an empty file would be loaded as well.
            changed = tmp_path / "changed"
            changed.write_text(code.replace('name="seen", value=""', 'name="seen", value="the new code"'))
            changed.replace(module)
            replica.wait(lambda: len(replica.sessions) == 2 and replica.mirror is not None)
            figures("in the new process after", time.monotonic() - started, "s")
            goal = len(numbers) + 20
            wait_until(lambda: len(numbers) > goal)
        assert replica.value("seen") == "the new code"
        replica.wait_settled().check_equal_to_the_servers()
        runs = [n for session in replica.sessions for n in site.runs(session, "step")]
        figures("edits that were answered", check_callbacks([replica.history], runs))
        figures("edits under way when it reloaded", len(replica.history.named("unknown")))


@contextmanager
def _editing(replica: Replica) -> Iterator[list[int]]:
    """Edits all the time; gives their numbers."""
    known = [name for name in replica.history.outcomes if isinstance(name, int)]
    over = threading.Event()

    def edit() -> None:
        while not over.wait(0.002):
            if replica.has_room():  # There is none for long once nobody answers.
                known.append(len(known) + 1)
                replica.say("step", known[-1])

    thread = threading.Thread(target=edit)
    thread.start()
    try:
        yield known
    finally:
        over.set()
        thread.join()


def _kill(site: FaultSite) -> None:
    for each in reversed(family(site.process.pid)):
        os.kill(each, signal.SIGKILL)
    site.process.wait(20)


def _check_stale_edits(site: FaultSite, epoch: str, model: str, figures: Figures) -> None:
    """What was made on the document of a process that is gone changes nothing in the one that has its ids."""
    client, attached = Client.visit(site.page("tally"))
    with client:
        assert attached.opened is not None
        present = attached.model("amount")["id"]
        for number, target in enumerate((model, present), start=1):
            edit = wire.Edit(cseq=number, base=0, epoch=epoch, events=[change(target, "value", 77)])
            client.send(attached, edit)
            result = client.result(attached, number)
            assert (result.commit, result.code) == (False, wire.Refusal.EPOCH)
        assert site.runs(attached.opened.session, "moved") == []
        client.send(attached, wire.Detach())
    figures("ids are the same in both processes", "yes" if model == present else "no")
