"""What pages of stock BokehJS load: the script that places an app, and files of Bokeh and its extensions."""

from __future__ import annotations

from pathlib import Path

import bokeh

from embedsync.documents.bokeh.compiled import COMPILED
from embedsync.documents.bokeh.private import (
    AUTOLOAD_JS,
    ID,
    URL,
    Bundle,
    RenderItem,
    Resources,
    Script,
    bundle_extensions,
    extension_dirs,
    models_with_an_implementation,
    script_for_render_items,
    settings,
)

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
    """
    bundle = _bundle(Resources(mode="server", root_url=root_url) if root_url is not None else None)
    item = RenderItem(token=token, elementid=ID(element), use_for_title=False)
    bundle.add(Script(script_for_render_items({}, [item], app_path=app_path, absolute_url=absolute_url)))
    return AUTOLOAD_JS.render(bundle=bundle, elementid=element)


def _bundle(resources: Resources | None) -> Bundle:
    """What a page loads that may show any app of the process, as Bokeh's own server would have it.

    A model that does not compile is left out, which is in the log: Bokeh's server would have no page then.
    """
    bundle = Bundle()
    if resources is not None:
        extensions = bundle_extensions(None, resources)
        scripts = [*map(URL, resources.js_files), *(each.server_url for each in extensions)]
        styles = [*map(URL, resources.css_files)]
        bundle = Bundle(scripts, resources.js_raw, styles, resources.css_raw, resources.hashes)
    for kind in models_with_an_implementation():
        if (name := COMPILED.script_of(kind)) and (file := COMPILED.find(name)):
            bundle.add(Script(file.read_text(encoding="utf-8")))
    return bundle


def static_folder() -> Path:
    """Where the files of BokehJS are."""
    return Path(settings.bokehjs_path())


def extension_folder(name: str) -> Path | None:
    """Where the files of an extension are that some app has imported."""
    return extension_dirs.get(name)
