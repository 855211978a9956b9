"""A Django project with the apps."""
