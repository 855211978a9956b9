"""What the models of a document need of a page's Content-Security-Policy, and why."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from embedsync.documents.bokeh.page import has_own_page
from embedsync.documents.bokeh.private import Document, Model, UnsetValueError, Value
from embedsync.documents.bokeh.resources import INSERTING, models_that_need_eval, needed_scripts

__all__ = ["Need", "needs_of"]


class Need(NamedTuple):
    """Something that a page must allow.

    Attributes:
        who: the class of a model, or what else needs it.
        directive: such as ``"img-src"``.
        sources: such as ``"'unsafe-eval'"`` or an origin.
        why: in words.
    """

    who: str
    directive: str
    sources: tuple[str, ...]
    why: str


_EVAL, _INLINE = "'unsafe-eval'", "'unsafe-inline'"
_ADDRESSES = {
    "TileSource": ("url", "img-src", "tiles"),
    "ImageURLTexture": ("url", "img-src", "the picture of a texture"),
    "WebDataSource": ("data_url", "connect-src", "data that the browser fetches"),
    "ImportedStyleSheet": ("url", "style-src", "a style sheet"),
}
"""Properties that name what a browser loads, by the class that has them."""

_TABLER = "https://unpkg.com"
_MAPS = (
    ("script-src", ("https://maps.googleapis.com",)),
    ("img-src", ("https://*.googleapis.com", "https://*.gstatic.com")),
    ("connect-src", ("https://*.googleapis.com",)),
    ("style-src", (_INLINE, "https://fonts.googleapis.com")),
    ("font-src", ("https://fonts.gstatic.com",)),
)
_TEXTS = ("text", "title", "label", "content", "html", "object", "template")
"""Properties in which markup may stand."""

_PLACEHOLDER = re.compile(r"\{[^}]*\}")
_LOADED = re.compile(
    r"<(?:img|source|video|audio)\b[^>]*?\bsrc\s*=\s*[\"']?(https?://[^\s\"'>]+)", re.IGNORECASE
)
_STYLED = re.compile(r"<[a-z][^>]*\sstyle\s*=", re.IGNORECASE)
_STYLE = re.compile(r"<style\b", re.IGNORECASE)


def needs_of(document: Document) -> tuple[Need, ...]:
    """What a page must allow for a document as it is now, beyond files of the site itself."""
    models = sorted(document.models, key=lambda each: str(each.id))
    found: dict[Need, None] = {}
    for each in (*_of_code(models), *_of_scripts(models), *_of_page(document)):
        found[each] = None
    for model in models:
        for each in (*_of_addresses(model), *_of_kind(model), *_of_markup(model), *_of_style_sheets(model)):
            found[each] = None
    return tuple(found)


def _of_code(models: Iterable[Model]) -> Iterator[Need]:
    for name in models_that_need_eval(models):
        yield Need(name, "script-src", (_EVAL,), "it is JavaScript held as text")
        if name == INSERTING:
            yield Need(name, "script-src", (_INLINE, "blob:"), "it makes modules of text")


def _of_scripts(models: Iterable[Model]) -> Iterator[Need]:
    for url in needed_scripts(models):
        if origin := _origin(url):
            is_style = urlsplit(url).path.endswith(".css")
            yield Need(
                "an extension", "style-src" if is_style else "script-src", (origin,), f"it loads {url}"
            )


def _of_page(document: Document) -> Iterator[Need]:
    if has_own_page(document):
        why = "BokehJS is on that page before our own script, and writes some <style> elements"
        yield Need("the app's own template", "style-src", (_INLINE,), why)


def _of_addresses(model: Model) -> Iterator[Need]:
    names = {each.__name__ for each in type(model).__mro__}
    for name, (attribute, directive, what) in _ADDRESSES.items():
        if name in names and (origin := _origin(_value(model, attribute))):
            yield Need(_name(model), directive, (origin,), what)
    if "ImageURL" in names:
        return
    glyph, source = _value(model, "glyph"), _value(model, "data_source")
    if glyph is not None and type(glyph).__name__ == "ImageURL":
        for origin in dict.fromkeys(filter(None, map(_origin, _urls(glyph, source)))):
            yield Need("ImageURL", "img-src", (origin,), "pictures")


def _urls(glyph: Any, source: Any) -> Iterable[Any]:
    url = _value(glyph, "url")
    if isinstance(url, Value):
        return [url.value]
    field = url if isinstance(url, str) else getattr(url, "field", None)
    column = (_value(source, "data") or {}).get(field, ())
    return list(column)


def _of_kind(model: Model) -> Iterator[Need]:
    names = {each.__name__ for each in type(model).__mro__}
    who = _name(model)
    if "TableWidget" in names:
        yield Need(who, "style-src", (_INLINE,), "its grid is markup with styles of its own")
    if "TablerIcon" in names:
        yield Need(who, "font-src", (_TABLER,), "the font of these icons")
    if "GMap" in names or "GMapPlot" in names:
        for directive, sources in _MAPS:
            yield Need(who, directive, sources, "Google's maps")
    if type(model).__module__.startswith("panel."):
        yield Need("Panel", "style-src", (_INLINE,), "its components write styles of their own")


def _of_markup(model: Model) -> Iterator[Need]:
    for attribute in _TEXTS:
        text = _value(model, attribute)
        if not isinstance(text, str) or "<" not in text:
            continue
        who = f"{_name(model)}.{attribute}"
        for origin in dict.fromkeys(filter(None, map(_origin, _LOADED.findall(text)))):
            yield Need(who, "img-src", (origin,), "its markup shows pictures")
        if _STYLE.search(text):
            yield Need(who, "style-src", (_INLINE,), "its markup has a <style> element")
        elif _STYLED.search(text):
            yield Need(who, "style-src-attr", (_INLINE,), "its markup has style attributes")


def _of_style_sheets(model: Model) -> Iterator[Need]:
    sheets = _value(model, "stylesheets") or []
    for each in [*sheets, _value(model, "css")]:
        if isinstance(each, str) and "@import" in each:
            yield Need(_name(model), "style-src", (_INLINE,), "its style sheet imports another one")


def _value(model: Any, attribute: str) -> Any:
    if model is None or attribute not in getattr(model, "properties", set)():
        return None
    try:
        return getattr(model, attribute)
    except UnsetValueError:
        return None


def _name(model: Model) -> str:
    return type(model).__name__


def _origin(url: Any) -> str | None:
    """The origin of an absolute address, as a policy writes it; placeholders in its host may be anything."""
    if not isinstance(url, str) or not url.startswith(("http://", "https://", "//")):
        return None
    parts = urlsplit(_PLACEHOLDER.sub("*", url.partition("?")[0]))
    host = re.sub(r"^[^.]*\*[^.]*(?=\.)", "*", parts.netloc)
    return f"{parts.scheme or 'https'}://{host}" if host else None
