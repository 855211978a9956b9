"""Apps that say what they see of Django."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

from bokeh.document import Document, without_document_lock
from bokeh.models import Button, Column, Slider, TextInput
from django.contrib.auth.decorators import login_required
from django.db import connection
from django.urls import reverse
from django.utils import timezone, translation

from embedsync.request import Request
from embedsync_django import embed
from tests.django.site.models import Member, Note


def surroundings() -> str:
    """Language, time zone and where the site begins, as they are right here."""
    name = translation.gettext("Monday")
    return f"{name} {timezone.get_current_timezone_name()} {reverse('page', args=['x'])}"


def add_slider(doc: Document, changed: Callable[[TextInput], Any], first: str = "") -> TextInput:
    amount, report = (
        Slider(name="amount", start=0, end=10_000, value=1),
        TextInput(name="report", value=first),
    )
    if asyncio.iscoroutinefunction(changed):

        async def on_change(attr: str, old: Any, new: Any) -> None:
            report.value = f"{new}: {await changed(report)}"
    else:

        def on_change(attr: str, old: Any, new: Any) -> None:
            report.value = f"{new}: {changed(report)}"

    amount.on_change("value", on_change)
    doc.add_root(Column(amount, report))
    return report


@embed.app("plain")
def plain(doc: Document) -> None:
    """Who is here, and with which arguments."""
    request = doc.session_context.request
    arguments = {name: [each.decode() for each in values] for name, values in request.arguments.items()}
    add_slider(doc, lambda report: "", repr((str(request.user), arguments)))


def board_of_members(doc: Document) -> None:
    plain(doc)


embed.add_app("members", board_of_members, permission=login_required)
embed.add_app("board", board_of_members, permission="site.use_board", shared=True)


@embed.app("staff", permission=lambda request: Member.objects.get(pk=request.user_key).is_staff)
def staff(doc: Document) -> None:
    plain(doc)


def raising(request: Request) -> bool:
    raise OSError("the database is away")


embed.add_app("broken", board_of_members, permission=raising)


@embed.app("counting")
def counting(doc: Document) -> None:
    """The database, synchronously."""
    add_slider(doc, lambda report: Note.objects.count(), str(Note.objects.count()))


@embed.app("counting_async")
async def counting_async(doc: Document) -> None:
    """The database, asynchronously."""

    async def count(report: TextInput) -> int:
        return await Note.objects.acount()

    add_slider(doc, count, str(await Note.objects.acount()))


@embed.app("unlocked")
def unlocked(doc: Document) -> None:
    """The database, in callbacks that leave the document to others meanwhile."""
    plainly, asynchronously = TextInput(name="plainly"), TextInput(name="asynchronously")

    def say(where: TextInput, count: int) -> None:
        doc.add_next_tick_callback(lambda: where.update(value=f"{count} {surroundings()}"))

    @without_document_lock
    def look() -> None:
        say(plainly, Note.objects.count())

    @without_document_lock
    async def look_async() -> None:
        say(asynchronously, await Note.objects.acount())

    for each in (look, look_async):
        doc.add_periodic_callback(each, 20)
    doc.add_root(Column(plainly, asynchronously))


embed.add_app("tagged", board_of_members, script_tag=True, script_arguments=["symbol"])


@embed.app("failing")
def failing(doc: Document) -> None:
    """A statement that fails, and whose connection must serve the next callback all the same."""

    def fail(report: TextInput) -> int:
        with connection.cursor() as cursor:
            if report.value == "fail":
                cursor.execute("SELECT nothing FROM nowhere")
        return Note.objects.count()

    add_slider(doc, fail, "fail")


@embed.app("ticking")
def ticking(doc: Document) -> None:
    """The database, by a timer."""
    report = TextInput(name="report", value="0")

    def tick() -> None:
        Note.objects.count()
        report.value = str(int(report.value) + 1)

    doc.add_periodic_callback(tick, 10)
    doc.add_root(report)


@embed.app("ticking_alone")
def ticking_alone(doc: Document) -> None:
    doc.add_periodic_callback(lambda: None, 10)
    doc.add_root(TextInput(name="report"))


@embed.app("surroundings")
def in_surroundings(doc: Document) -> None:
    report = add_slider(doc, lambda report: surroundings(), surroundings())
    timed = TextInput(name="timed", value="")

    def tick() -> None:
        timed.value = surroundings()

    doc.add_timeout_callback(tick, 10)
    doc.add_root(timed)
    assert report.value


@embed.app("surroundings_async")
async def in_surroundings_async(doc: Document) -> None:
    async def say(report: TextInput) -> str:
        await asyncio.sleep(0)
        return surroundings()

    await asyncio.sleep(0)
    report = add_slider(doc, say, surroundings())
    timed = TextInput(name="timed", value="")

    async def tick() -> None:
        await asyncio.sleep(0)
        timed.value = surroundings()

    doc.add_timeout_callback(tick, 10)
    doc.add_root(timed)
    assert report.value


@embed.app("buttons")
def buttons(doc: Document) -> None:
    doc.add_root(Button(name="go"))
