"""The markup that a page needs: a custom element and one module script, nothing inline."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

from embedsync.errors import UnknownApp

__all__ = ["embed_element", "forbidden_app", "missing_app", "module_script"]


def embed_element(
    *,
    app: str,
    ticket: str,
    endpoint: str,
    root: str = "",
    root_index: str = "",
    height: str = "",
    class_: str = "",
    plain: bool = False,
    debug: bool = False,
) -> str:
    """The element that becomes a live document.

    Args:
        app: name of the app.
        ticket: what opens a session; elements with the same ticket share one.
        endpoint: URL under which embedsync is mounted, such as ``"/live"``.
        root: name of the one root to show here; all roots if empty.
        root_index: position of the one root to show here, from ``"0"``; ``"2-"`` shows all from the third on.
        height: CSS height of the placeholder while the document loads, such as ``"420px"``.
        class_: CSS classes for the element.
        plain: the roots become children of the element, and parts of the page's own layout.
        debug: what is wrong with the element is said in the page, too.
    """
    attributes = {
        "app": app,
        "ticket": ticket,
        "endpoint": endpoint,
        "root": root,
        "root-index": root_index,
        "height": height,
        "class": class_,
    }
    written = "".join(f' {name}="{escape(value)}"' for name, value in attributes.items() if value)
    written += "".join(f" {name}" for name, holds in {"plain": plain, "debug": debug}.items() if holds)
    return f"<embed-app{written}></embed-app>"


def module_script(url: str, *, modules: Sequence[str] = (), nonce: str = "") -> str:
    """The script that brings elements to life; once on a page is enough, more does no harm.

    Args:
        url: of the entry module.
        modules: URLs of the modules that it will import, to be fetched at once rather than one
            after the other as each is found to need the next.
        nonce: of the page's content security policy.
    """
    allowed = f' nonce="{escape(nonce)}"' if nonce else ""
    preloads = [f'<link rel="modulepreload" href="{escape(each)}"{allowed}>' for each in modules]
    return "".join([*preloads, f'<script type="module" src="{escape(url)}"{allowed}></script>'])


def missing_app(error: UnknownApp, *, debug: bool) -> str:
    """What stands in a page in place of an app that does not exist.

    A visible box that names the known apps in debug mode, else a comment; the rest of the page is
    not to suffer.
    """
    if debug:
        return (
            f'<p class="embedsync-missing" role="alert"><strong>embedsync:</strong> {escape(str(error))}</p>'
        )
    return "<!-- embedsync: unknown app -->"


def forbidden_app() -> str:
    """What stands in a page in place of an app that the visitor may not use; calm, and easy to hide."""
    return '<p class="embedsync-forbidden">You are not allowed to use this app.</p>'
