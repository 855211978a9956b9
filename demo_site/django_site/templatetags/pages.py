"""Tags for the templates of this site: `{% load pages %}`."""

from typing import Any

from django import template
from django.template.base import Node, NodeList, Parser, Token
from django.template.context import Context
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString, mark_safe

from demo_site import source

register = template.Library()


@register.simple_tag(takes_context=True)
def page_link(context: Context, name: str, text: str) -> SafeString:
    """Make a link to a page, marked if it is the present one."""
    match = getattr(context.get("request"), "resolver_match", None)
    current = mark_safe(' aria-current="page"') if match and match.url_name == name else ""
    return format_html('<a href="{}"{}>{}</a>', reverse(name), current, text)


@register.simple_tag
def show_source(path: str) -> Any:
    """Show a Python file of the demonstration as colored HTML."""
    return source.show_source(path)


@register.tag
def show_code(parser: Parser, token: Token) -> Node:
    """Show a piece of a template, up to `{% endshow_code %}`, as colored HTML.

    It is written within `{% verbatim %}`, or else it would be rendered.
    """
    inside = parser.parse(("endshow_code",))
    parser.delete_first_token()
    return ShownCode(inside)


class ShownCode(Node):
    """What stands between the tags."""

    def __init__(self, inside: NodeList) -> None:
        self.inside = inside

    def render(self, context: Context) -> str:
        """Render what is inside, and color it."""
        return str(source.show_code(self.inside.render(context)))
