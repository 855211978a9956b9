"""``{% load embedsync %}{% embed_app "myapp" symbol=ticker.symbol %}``."""

from __future__ import annotations

from typing import Any

from django import template
from django.template.context import Context
from django.utils.safestring import SafeString

from embedsync.errors import ConfigurationError
from embedsync_django.tag import embed_app as markup

__all__ = ["embed_app", "register"]

register = template.Library()


@register.simple_tag(takes_context=True)
def embed_app(context: Context, name: str, **given: Any) -> SafeString:
    """Put a live app here.

    ``root``, ``height``, ``class``, ``id`` and ``session`` are as in
    :func:`embedsync_django.tag.embed_app`; all other keyword arguments are for the app.
    """
    request = context.get("request")
    if request is None:
        raise template.TemplateSyntaxError(
            "embed_app needs the request: render the template with it, and keep "
            "'django.template.context_processors.request' among the context processors of TEMPLATES"
        )
    if "class" in given:
        given["class_"] = given.pop("class")
    try:
        return markup(request, name, **given)
    except ConfigurationError as error:
        raise template.TemplateSyntaxError(str(error)) from error
