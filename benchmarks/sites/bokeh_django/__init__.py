"""A Django project with bokeh-django; runs in an environment of its own, where embedsync is not installed."""
