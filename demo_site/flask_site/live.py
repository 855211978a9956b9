"""The live apps of the site."""

from pathlib import Path

from embedsync_flask import EmbedSync

from .hello import hello

APPS = Path(__file__).parent.parent / "apps"


def create_live() -> EmbedSync:
    """Name the apps that the pages embed."""
    live = EmbedSync()
    live.add_app("sliders", APPS / "sliders.py")
    live.add_app("crossfilter", APPS / "crossfilter.py")
    live.add_app("stream", APPS / "stream.py")
    live.add_app("histogram", APPS / "histogram.py")
    live.add_app("board", APPS / "board.py", shared=True)
    live.add_app("hello", hello)
    return live
