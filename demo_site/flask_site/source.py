"""Source code as colored HTML. The colors are in `static/code.css`."""

from functools import cache
from pathlib import Path

from markupsafe import Markup
from pygments import highlight
from pygments.formatters import HtmlFormatter
from pygments.lexers import HtmlDjangoLexer, PythonLexer

SITE = Path(__file__).parent
FOLDERS = {"apps": SITE.parent / "apps", "site": SITE}
FORMATTER = HtmlFormatter(cssclass="code", wrapcode=True)


@cache
def show_source(folder: str, name: str) -> Markup:
    """Return a Python file of `apps` or `site` as colored HTML."""
    text = (FOLDERS[folder] / name).read_text(encoding="utf-8")
    return Markup(highlight(text, PythonLexer(), FORMATTER))


@cache
def show_code(text: str) -> Markup:
    """Return a piece of a template as colored HTML."""
    return Markup(highlight(text, HtmlDjangoLexer(), FORMATTER))
