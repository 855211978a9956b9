"""Bokeh documents, kept in sync. Bokeh is imported by the modules here, not by this package."""
