"""Settings of the project: no more than embedsync needs."""

import os

from benchmarks.sites.recipes import grace, unbounded

SECRET_KEY = "for measuring only"
DEBUG = False
ALLOWED_HOSTS = ["127.0.0.1", "localhost"]
INSTALLED_APPS = ["daphne", "django.contrib.staticfiles", "embedsync_django", "benchmarks.sites.django_site"]
ROOT_URLCONF = "benchmarks.sites.django_site.urls"
TEMPLATES = [{"BACKEND": "django.template.backends.django.DjangoTemplates"}]
STATIC_URL = "/static/"
USE_TZ = True
EMBEDSYNC = {
    "GRACE": grace(),
    "TUNE_INTERPRETER": True,
    "ACCELERATE": bool(os.environ.get("BENCH_ACCELERATE")),
    **{name.upper(): each for name, each in unbounded().items()},
}
