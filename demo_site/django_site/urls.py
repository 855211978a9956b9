"""Which address shows what."""

from django.conf import settings
from django.contrib import admin
from django.contrib.auth.views import LogoutView
from django.urls import path
from django.views.decorators.http import require_POST
from django.views.generic import RedirectView, TemplateView

from .pages import Login, MembersPage, StaffPage

urlpatterns = [
    path("", TemplateView.as_view(template_name="home.html"), name="home"),
    path("cellar", TemplateView.as_view(template_name="cellar.html"), name="cellar"),
    path("sliders", TemplateView.as_view(template_name="sliders.html"), name="sliders"),
    path("crossfilter", TemplateView.as_view(template_name="crossfilter.html"), name="crossfilter"),
    path("stream", TemplateView.as_view(template_name="stream.html"), name="stream"),
    path("two-apps", TemplateView.as_view(template_name="two_apps.html"), name="two-apps"),
    path("board", TemplateView.as_view(template_name="board.html"), name="board"),
    path("beats", TemplateView.as_view(template_name="beats.html"), name="beats"),
    path("account", MembersPage.as_view(template_name="account.html"), name="account"),
    path("visitors", StaffPage.as_view(template_name="visitors.html"), name="visitors"),
    path("login", Login.as_view(), name="login"),
    path("logout", require_POST(LogoutView.as_view()), name="logout"),
    path("admin/", admin.site.urls),
    # The pages of the admin do not name an icon, so browsers look for it here.
    path("favicon.ico", RedirectView.as_view(url=f"{settings.STATIC_URL}favicon.svg")),
]
