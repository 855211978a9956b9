"""For Django's Jinja2 backend: ``"OPTIONS": {"extensions": ["embedsync_django.jinja2.EmbedSync"]}``."""

from __future__ import annotations

from typing import Any

from django.utils.safestring import SafeString
from jinja2 import Environment, pass_context
from jinja2.ext import Extension
from jinja2.runtime import Context

from embedsync_django.tag import tag

__all__ = ["EmbedSync"]


class EmbedSync(Extension):
    """Adds ``{{ embed_app("myapp", symbol=ticker.symbol) }}``."""

    def __init__(self, environment: Environment) -> None:
        super().__init__(environment)
        environment.globals["embed_app"] = embed_app


@pass_context
def embed_app(context: Context, name: str, **given: Any) -> SafeString:
    """The markup of a live app; see :func:`embedsync_django.tag.embed_app`.

    Raises:
        TemplateSyntaxError: the template is rendered without a request, or an argument cannot be carried.
    """
    return tag(context.get("request"), name, given)
