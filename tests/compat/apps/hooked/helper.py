"""Imported by its place in the package."""

from . import LOADED

WORDS = f"helped by {LOADED}"
