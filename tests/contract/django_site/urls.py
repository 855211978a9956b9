"""One page for each app; static files are served as by a development server."""

from typing import Any

from django.contrib.staticfiles.views import serve
from django.http import HttpRequest, HttpResponse
from django.template import RequestContext, Template
from django.urls import include, path, re_path

from embedsync_django.tag import embed_app

LINE = Template("<!doctype html>{{ app }}")


def page(request: HttpRequest, name: str) -> HttpResponse:
    arguments: dict[str, Any] = {key: request.GET.getlist(key) for key in request.GET}
    element = embed_app(request, name, **arguments)
    return HttpResponse(LINE.render(RequestContext(request, {"app": element})))


urlpatterns = [
    path("", include("embedsync_django.urls")),
    path("page/<str:name>", page),
    re_path("^static/(?P<path>.*)$", serve, {"insecure": True}),
]
