"""Source code as colored HTML, for the pages of both sites. The colors are in `static/code.css`."""

from functools import cache
from pathlib import Path

from markupsafe import Markup
from pygments import highlight
from pygments.formatters import HtmlFormatter
from pygments.lexers import HtmlDjangoLexer, PythonLexer

HERE = Path(__file__).parent
FORMATTER = HtmlFormatter(cssclass="code", wrapcode=True)


@cache
def show_source(path: str) -> Markup:
    """Return a Python file as colored HTML, by its path below this folder."""
    text = (HERE / path).read_text(encoding="utf-8")
    return Markup(highlight(text, PythonLexer(), FORMATTER))


@cache
def show_code(text: str) -> Markup:
    """Return a piece of a template as colored HTML."""
    return Markup(highlight(text, HtmlDjangoLexer(), FORMATTER))
