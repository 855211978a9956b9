"""A small Flask site with live Bokeh apps in its own pages."""

from .factory import create_app

__all__ = ["create_app"]
