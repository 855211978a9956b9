"""The pages that anyone may read."""

from flask import Blueprint, render_template

blueprint = Blueprint("pages", __name__)


@blueprint.get("/")
def home() -> str:
    """Say what the site shows."""
    return render_template("home.html")


@blueprint.get("/sliders")
def sliders() -> str:
    """Show the sine wave."""
    return render_template("sliders.html")


@blueprint.get("/crossfilter")
def crossfilter() -> str:
    """Show the cars."""
    return render_template("crossfilter.html")


@blueprint.get("/stream")
def stream() -> str:
    """Show the price chart."""
    return render_template("stream.html")


@blueprint.get("/two-apps")
def two_apps() -> str:
    """Show two apps with text between them."""
    return render_template("two_apps.html")


@blueprint.get("/board")
def board() -> str:
    """Show the board that all visitors share."""
    return render_template("board.html")


@blueprint.app_errorhandler(404)
def not_found(_error: Exception) -> tuple[str, int]:
    """Answer a wrong address in the look of the site."""
    return render_template("not_found.html"), 404
