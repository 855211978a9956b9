"""The command line of the tests' project."""

import os
import sys

from django.core.management import execute_from_command_line

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "tests.django.site.settings")
execute_from_command_line(sys.argv)
