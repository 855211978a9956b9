"""The pages of the site. Each is a template; some are not for everyone."""

from django.contrib.auth.mixins import LoginRequiredMixin, UserPassesTestMixin
from django.contrib.auth.views import LoginView
from django.views.generic import TemplateView

from .people import PEOPLE


class MembersPage(LoginRequiredMixin, TemplateView):
    """A page for those who are logged in; others are asked to do so."""


class StaffPage(UserPassesTestMixin, TemplateView):
    """A page for staff; others are told so."""

    def test_func(self) -> bool:
        """Say whether this visitor is staff."""
        return bool(getattr(self.request.user, "is_staff", False))


class Login(LoginView):
    """Asks for name and password, and goes on to the page that was wanted."""

    template_name = "login.html"
    extra_context = {"people": PEOPLE}  # noqa: RUF012  (as Django declares it)
