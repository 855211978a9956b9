"""The tests' project is set up in this process, with a database in a file, which threads can share."""

from __future__ import annotations

import atexit
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import django
import pytest
from django.conf import settings
from django.core.management import call_command
from django.db import connections
from django.test.utils import setup_test_environment, teardown_test_environment

FOLDER = Path(tempfile.mkdtemp(prefix="embedsync-django-"))
atexit.register(shutil.rmtree, FOLDER, ignore_errors=True)
DATABASE = FOLDER / "site.sqlite3"

# Only while Django reads it: the servers that other tests start are of other projects.
os.environ["DJANGO_SETTINGS_MODULE"] = "tests.django.site.settings"
settings.DATABASES["default"]["NAME"] = str(DATABASE)
django.setup()
del os.environ["DJANGO_SETTINGS_MODULE"]


@pytest.fixture(scope="session", autouse=True)
def project() -> Iterator[None]:
    setup_test_environment()
    call_command("migrate", verbosity=0)
    yield
    teardown_test_environment()
    connections.close_all()


@pytest.fixture(autouse=True)
def fresh_hub() -> Iterator[None]:
    """Settings that a test overrides hold for a hub that is made under them."""
    from embedsync_django import embed

    embed.stop()
    yield
    embed.stop()
    connections.close_all()


@pytest.fixture
def database() -> Path:
    return DATABASE
