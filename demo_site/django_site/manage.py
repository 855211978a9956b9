"""Django's commands for this site: `python -m demo_site.django_site.manage runserver`."""

import os
import sys

from django.core.management import execute_from_command_line


def main() -> None:
    """Run the command that was given."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "demo_site.django_site.settings")
    execute_from_command_line(sys.argv)


if __name__ == "__main__":
    main()
