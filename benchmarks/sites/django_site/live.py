"""The apps."""

from benchmarks.sites.recipes import recipes
from embedsync_django import embed

for name, path, shared in recipes():
    embed.add_app(name, path, shared=shared)
