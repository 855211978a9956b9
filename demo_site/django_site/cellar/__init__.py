"""The cellar of a brewery: a table of tanks, its admin, and a live dashboard over it."""
