"""A Django project with users, apps and pages, for the tests of ``embedsync_django``."""
