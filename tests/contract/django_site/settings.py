"""Settings of the contract's Django project."""

import os
from pathlib import Path

from tests.contract.apps import site_settings

BASE_DIR = Path(__file__).parent
SECRET_KEY = "for tests only"
DEBUG = False
ALLOWED_HOSTS = ["127.0.0.1", "localhost"]
INSTALLED_APPS = [
    "daphne",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.staticfiles",
    "embedsync_django",
    "tests.contract.django_site",
]
MIDDLEWARE = [
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "tests.contract.django_site.users.UserOfCookie",
]
ROOT_URLCONF = "tests.contract.django_site.urls"
ASGI_APPLICATION = "tests.contract.django_site.asgi.application"
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "OPTIONS": {"context_processors": ["django.template.context_processors.request"]},
    }
]
DATABASES = {
    "default": {"ENGINE": "django.db.backends.sqlite3", "NAME": os.environ.get("SITE_DATABASE", ":memory:")}
}
USE_TZ = True
STATIC_URL = "/static/"
EMBEDSYNC = {name.upper(): value for name, value in site_settings().items()}
EMBEDSYNC.setdefault("MESSAGE_BYTES", 20 * 1024 * 1024)
