"""Pages of the tests' project."""

from __future__ import annotations

from typing import Any

from asgiref.sync import sync_to_async
from django.contrib.auth import authenticate, login, logout
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import path
from django.utils import timezone

from embedsync_django.tag import embed_app
from tests.django.site.models import Member


def page(request: HttpRequest, name: str) -> HttpResponse:
    """An app with arguments of the address; ``zone`` is the time zone of the page."""
    given: dict[str, Any] = {key: request.GET[key] for key in request.GET if key != "zone"}
    with timezone.override(request.GET.get("zone", "UTC")):
        return HttpResponse(f"<!doctype html>{embed_app(request, name, **given)}")


async def async_page(request: HttpRequest, name: str) -> HttpResponse:
    return render(request, "page.html", {"name": name})


def in_template(request: HttpRequest, template: str, name: str) -> HttpResponse:
    return render(request, template, {"name": name}, using="jinja2" if "jinja" in template else None)


def log_in(request: HttpRequest, name: str) -> HttpResponse:
    user = authenticate(request, username=name, password="secret")
    assert user is not None
    login(request, user)
    return HttpResponse("in")


def log_out(request: HttpRequest) -> HttpResponse:
    logout(request)
    return HttpResponse("out")


def people(request: HttpRequest, what: str, name: str) -> HttpResponse:
    """Something happens to a member: somebody else makes, or deletes, them or changes their password."""
    if what == "make":
        Member.objects.create_user(name, password="secret")
    elif what == "delete":
        Member.objects.get(username=name).delete()
    elif what == "password":
        member = Member.objects.get(username=name)
        member.set_password("another")
        member.save()
    return HttpResponse(what)


async def log_out_async(request: HttpRequest) -> HttpResponse:
    await sync_to_async(logout)(request)
    return HttpResponse("out")


urlpatterns = [
    path("page/<str:name>", page, name="page"),
    path("async/<str:name>", async_page),
    path("template/<str:template>/<str:name>", in_template),
    path("in/<str:name>", log_in, name="login"),
    path("out", log_out),
    path("async-out", log_out_async),
    path("people/<str:what>/<str:name>", people),
]
