"""What pages of stock BokehJS load: the script that places an app, and files of Bokeh and its extensions."""

from __future__ import annotations

from pathlib import Path

import bokeh
from bokeh.resources import Resources

from embedsync.documents.bokeh.private import (
    AUTOLOAD_JS,
    ID,
    RenderItem,
    Script,
    bundle_for_resources,
    extension_dirs,
    script_for_render_items,
    settings,
)
from embedsync.errors import BuildError

__all__ = ["autoload_script", "bokeh_version", "extension_folder", "static_folder"]


def bokeh_version() -> str:
    """The version of the installed Bokeh, which BokehJS must be of, too."""
    return bokeh.__version__


def autoload_script(
    token: str, *, element: str, app_path: str, absolute_url: str | None, root_url: str | None
) -> str:
    """The script that loads BokehJS where it is missing, and shows a session in place of an element.

    Args:
        token: what the page will show for the session.
        element: id of the element.
        app_path: path of the app's URL.
        absolute_url: URL of the app, if the page is not beside it.
        root_url: where Bokeh's files are below; ``None`` for a page that has them.

    Raises:
        BuildError: a model that this process has defined does not compile.
    """
    resources = Resources(mode="server", root_url=root_url) if root_url is not None else None
    try:
        bundle = bundle_for_resources(None, resources)
    except SystemExit as error:  # Bokeh would have its server end.
        raise BuildError(
            "a model has an __implementation__ that does not compile; Bokeh says above why"
        ) from error
    item = RenderItem(token=token, elementid=ID(element), use_for_title=False)
    bundle.add(Script(script_for_render_items({}, [item], app_path=app_path, absolute_url=absolute_url)))
    return AUTOLOAD_JS.render(bundle=bundle, elementid=element)


def static_folder() -> Path:
    """Where the files of BokehJS are."""
    return Path(settings.bokehjs_path())


def extension_folder(name: str) -> Path | None:
    """Where the files of an extension are that some app has imported."""
    return extension_dirs.get(name)
