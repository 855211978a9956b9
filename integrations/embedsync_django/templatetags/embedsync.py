"""``{% load embedsync %}{% embed_app "myapp" symbol=ticker.symbol %}``."""

from __future__ import annotations

from typing import Any

from django import template
from django.template.context import Context
from django.utils.safestring import SafeString

from embedsync_django.tag import tag

__all__ = ["embed_app", "register"]

register = template.Library()


@register.simple_tag(takes_context=True)
def embed_app(context: Context, name: str, **given: Any) -> SafeString:
    """Put a live app here.

    ``root``, ``height``, ``class``, ``id`` and ``session`` are as in
    :func:`embedsync_django.tag.embed_app`; all other keyword arguments are for the app.
    """
    # Templates that are rendered with a request know it, whether or not a context processor names it.
    return tag(getattr(context, "request", None) or context.get("request"), name, given)
