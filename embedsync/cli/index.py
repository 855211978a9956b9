"""``--index``: the author's own index, as a template of Tornado's, which is what ``bokeh serve`` takes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from embedsync.app import App
from embedsync.errors import ConfigurationError

__all__ = ["index_template"]


def index_template(path: str, prefix: str) -> Callable[[Sequence[App]], str]:
    """What makes the index by a template. It may extend and include others beside it.

    Args:
        path: of the template. It is given ``prefix``, and as ``items`` the paths of the apps, such as
            ``"/sliders"``.
        prefix: empty, or such as ``"/apps"``.

    Raises:
        ConfigurationError: it cannot be read, or has a mistake.
    """
    file = Path(path).absolute()
    if not file.is_file():
        raise ConfigurationError(f"--index: there is no file {path!r}")
    # Tornado comes with Bokeh. Only its templates are used, and only here.
    from tornado.template import Loader, ParseError

    try:
        template = Loader(str(file.parent)).load(file.name)
    except (ParseError, SyntaxError, OSError, UnicodeError) as error:
        raise ConfigurationError(f"--index {path}: {error}") from error

    def render(apps: Sequence[App]) -> str:
        items = sorted(f"/{app.name}" for app in apps)
        return template.generate(prefix=prefix, items=items).decode()

    return render
