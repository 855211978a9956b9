"""Settings of the project: no more than bokeh-django needs."""

SECRET_KEY = "for measuring only"
DEBUG = False
ALLOWED_HOSTS = ["127.0.0.1", "localhost"]
INSTALLED_APPS = ["channels", "bokeh_django"]
ROOT_URLCONF = "benchmarks.sites.bokeh_django.urls"
USE_TZ = True
