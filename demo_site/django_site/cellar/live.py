"""The live app of the cellar."""

from embedsync_django import embed

from .dashboard import dashboard

embed.add_app("cellar", dashboard)
