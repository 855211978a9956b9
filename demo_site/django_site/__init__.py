"""A small Django site with live Bokeh apps in its own pages, one of them over a table of its database."""
