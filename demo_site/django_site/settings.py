"""Settings of the site. Variables of the environment change them:

`DATABASE_URL`: such as `postgres://me:secret@localhost/demo`; without it, a file of SQLite is used.
`SECRET_KEY`: without it a random one is used, and people are logged out whenever the site starts again.
`ALLOWED_HOSTS`: names by which others reach this machine, with commas between them.
`DEBUG`: any text turns on Django's own pages about errors.
"""

import os
import secrets
from pathlib import Path

import dj_database_url
import django

BASE_DIR = Path(__file__).parent.parent
DATABASE_FILE = BASE_DIR.parent / "demo.sqlite3"

DEBUG = bool(os.environ.get("DEBUG"))
SECRET_KEY = os.environ.get("SECRET_KEY") or secrets.token_urlsafe(50)
ALLOWED_HOSTS = ["127.0.0.1", "localhost", "[::1]"]
ALLOWED_HOSTS += [each.strip() for each in os.environ.get("ALLOWED_HOSTS", "").split(",") if each.strip()]

INSTALLED_APPS = [
    "daphne",
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "embedsync_django",
    "demo_site.django_site",
    "demo_site.django_site.cellar",
]

MIDDLEWARE = [
    "demo_site.django_site.middleware.security_headers",
    "django.middleware.security.SecurityMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
]

ROOT_URLCONF = "demo_site.django_site.urls"
ASGI_APPLICATION = "demo_site.django_site.asgi.application"

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ]
        },
    }
]

DATABASES = {
    "default": dj_database_url.config(
        default=f"sqlite:///{DATABASE_FILE}", conn_max_age=60, conn_health_checks=True
    )
}
if "sqlite3" in DATABASES["default"]["ENGINE"] and django.VERSION >= (5, 1):
    # A transaction waits for its turn when it begins. One that reads first and writes then, as the
    # admin's do, would fail if another has written meanwhile.
    DATABASES["default"].setdefault("OPTIONS", {})["transaction_mode"] = "IMMEDIATE"
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

STATIC_URL = "/static/"
STATIC_ROOT = BASE_DIR / "collected"
STATICFILES_DIRS = [BASE_DIR / "static"]

LOGIN_URL = "login"
LOGIN_REDIRECT_URL = "account"
LOGOUT_REDIRECT_URL = "home"

USE_TZ = True
LANGUAGE_CODE = "en"

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "handlers": {"console": {"class": "logging.StreamHandler"}},
    "root": {"handlers": ["console"], "level": "WARNING"},
    "loggers": {
        "django": {"level": "WARNING"},
        # Wrong addresses and visitors who may not come in are nothing to report.
        "django.request": {"level": "ERROR"},
    },
}
