"""One page for each app."""

from django.http import HttpRequest, HttpResponse
from django.template import RequestContext, Template
from django.urls import path

LINE = Template("<!doctype html>{% load embedsync %}{% embed_app name %}")


def page(request: HttpRequest, name: str) -> HttpResponse:
    """A page with nothing else on it."""
    return HttpResponse(LINE.render(RequestContext(request, {"name": name})))


urlpatterns = [path("<str:name>", page)]
