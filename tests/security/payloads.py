"""Texts that are dangerous where somebody takes them for markup."""

from __future__ import annotations

__all__ = ["MARKUP"]

_DO = "window.__xss=1"
MARKUP = [
    f"<script>{_DO}</script>",
    f"</script><script>{_DO}</script>",
    f"<img src=x onerror={_DO}>",
    f'"><img src=x onerror={_DO}>',
    f"'><svg onload={_DO}>",
    f"</embed-app><svg/onload={_DO}>",
    f"<svg><animate onbegin={_DO} attributeName=x dur=1s>",
    "<iframe srcdoc='<script>parent.__xss=1</script>'></iframe>",
    f"<a href=javascript:{_DO}>click</a>",
    f"<details open ontoggle={_DO}>",
    f"<style onload={_DO}>*{{}}</style>",
    f"<math><mtext><img src=x onerror={_DO}></mtext></math>",
    f"<template><script>{_DO}</script></template>",
    f"javascript:{_DO}",
    f"{{{{constructor.constructor('{_DO}')()}}}}",
    f"${{{_DO}}}",
    f"<%= {_DO} %>",
    f'" autofocus onfocus={_DO} x="',
    f"\u2028{_DO}//\u2029",
    f"--><script>{_DO}</script><!--",
    f"]]><script>{_DO}</script>",
    f"\uff1cscript\uff1e{_DO}\uff1c/script\uff1e",
]
"""Each would set ``window.__xss``, somewhere."""
