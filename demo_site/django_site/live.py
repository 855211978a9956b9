"""The live apps of the site; those of the cellar are in its own `live.py`."""

from embedsync.request import Request
from embedsync_django import embed

from .hello import hello
from .visitors import visitors


def is_staff(request: Request) -> bool:
    """Say whether whoever asks for an app is staff."""
    return bool(request.user.is_staff)


embed.add_app("sliders", "apps/sliders.py")
embed.add_app("crossfilter", "apps/crossfilter.py")
embed.add_app("stream", "apps/stream.py")
embed.add_app("histogram", "apps/histogram.py")
embed.add_app("board", "apps/board.py", shared=True)
embed.add_app("beats", "apps/beats.py")
embed.add_app("hello", hello, permission="login_required")
embed.add_app("visitors", visitors, permission=is_staff)
