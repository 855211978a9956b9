"""With the endpoint among the project's own URLs, for servers that have no ``with_live_apps``."""

from django.urls import include, path

from tests.django.site.urls import urlpatterns as pages

urlpatterns = [path("", include("embedsync_django.urls")), *pages]
