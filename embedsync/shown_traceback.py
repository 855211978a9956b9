"""The traceback of app code, as its author wants to see it."""

from __future__ import annotations

import traceback
from pathlib import Path

from embedsync.errors import BuildError

__all__ = ["shown_traceback"]

_MOST = 20_000
"""Characters. Of longer ones the end is kept, where the exception is."""
_OURS = str(Path(__file__).parent)


def shown_traceback(error: BaseException) -> str:
    """The traceback of an exception from the first line of the app on, without the engine that called it.

    Args:
        error: what the app raised; or the engine, whose traceback is shown whole, unless it says that
            something is wrong with the app.
    """
    first = error.__traceback__
    while first is not None and first.tb_frame.f_code.co_filename.startswith(_OURS):
        first = first.tb_next
    if first is None and isinstance(error, BuildError) and error.__cause__ is None:
        text = str(error)
    else:
        text = "".join(traceback.format_exception(type(error), error, first or error.__traceback__))
    # Names of files, for one, may hold halves of surrogate pairs, which no frame can carry.
    text = text.encode("utf-8", "backslashreplace").decode("utf-8")
    return text if len(text) <= _MOST else f"[…]\n{text[-_MOST:]}"
