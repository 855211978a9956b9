"""Two people who can log in. A real site would look them up in its database."""

import hmac
from dataclasses import dataclass
from urllib.parse import urlsplit

from flask import Blueprint, Flask, flash, redirect, render_template, request, url_for
from flask_login import LoginManager, login_required, login_user, logout_user
from werkzeug.wrappers import Response

blueprint = Blueprint("accounts", __name__)


@dataclass(frozen=True)
class User:
    """Someone with an account, as Flask-Login wants to see them."""

    login: str
    name: str
    password: str
    is_authenticated: bool = True
    is_active: bool = True
    is_anonymous: bool = False

    def get_id(self) -> str:
        """Return what the session cookie remembers."""
        return self.login


USERS = {
    user.login: user
    for user in (User("ada", "Ada Lovelace", "engine"), User("grace", "Grace Hopper", "compiler"))
}


def init_app(app: Flask) -> None:
    """Let people log in and out of `app`."""
    manager = LoginManager(app)
    manager.login_view = "accounts.login"
    manager.login_message = "Please log in to see this page."
    manager.user_loader(USERS.get)
    app.register_blueprint(blueprint)


@blueprint.get("/account")
@login_required
def account() -> str:
    """Show an app that knows the person."""
    return render_template("account.html")


@blueprint.route("/login", methods=["GET", "POST"])
def login() -> str | Response:
    """Ask for name and password, and go on to the page that was wanted."""
    if request.method == "POST":
        user = USERS.get(request.form.get("login", ""))
        password = request.form.get("password", "")
        if user and hmac.compare_digest(user.password.encode(), password.encode()):
            login_user(user)
            return redirect(local_path(request.args.get("next")))
        flash("That name and password do not belong together.")
    return render_template("login.html", users=USERS.values())


@blueprint.post("/logout")
def logout() -> Response:
    """Forget the person."""
    logout_user()
    return redirect(url_for("pages.home"))


def local_path(target: str | None) -> str:
    """Return `target` if it is a path of this site, else the account page.

    Without this a link to the login page could send people on to another site.
    """
    parts = urlsplit(target or "")
    is_local = parts.path.startswith("/") and not parts.path.startswith(("//", "/\\"))
    if target and is_local and not parts.scheme and not parts.netloc:
        return target
    return url_for("accounts.account")
