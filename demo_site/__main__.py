"""`python -m demo_site`: serves both demonstration sites until Ctrl-C."""

import argparse
import subprocess
import sys

from demo_site.serving import CannotServeError, Site, Stopping, serve

FLASK = (
    "gunicorn", "--config", "python:embedsync_flask.gunicorn", "--graceful-timeout", "10",
    "--log-level", "warning",
)  # fmt: skip
DJANGO = ("uvicorn", "--log-level", "warning")


def main() -> int:
    """Do it; returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m demo_site", description="Serves both sites.")
    parser.add_argument("--address", default="127.0.0.1", help="where to listen")
    parser.add_argument("--flask-port", type=int, default=8000)
    parser.add_argument("--django-port", type=int, default=8001)
    given = parser.parse_args()

    address, flask_port, django_port = given.address, given.flask_port, given.django_port
    flask = (*FLASK, "--bind", f"{address}:{flask_port}", "demo_site.flask_site.wsgi:app")
    listen = ("--host", address, "--port", str(django_port))
    django = (*DJANGO, *listen, "demo_site.django_site.asgi:application")
    sites = [Site("Flask", address, flask_port, flask), Site("Django", address, django_port, django)]

    stopping = Stopping()
    stopping.listen()
    try:
        for each in sites:
            each.check_port()
        prepare_database()
        if not stopping.wanted.is_set():
            serve(sites, stopping)
    except CannotServeError as problem:
        sys.stderr.write(f"{problem}\n")
        return 1
    return 0


def prepare_database() -> None:
    """Make the tables of the Django site, with what is in them, unless they are there."""
    command = [sys.executable, "-m", "demo_site.django_site.manage", "prepare_demo"]
    # It is short, and Ctrl-C is not to break it off in the middle.
    if subprocess.run(command, start_new_session=True, check=False).returncode != 0:  # noqa: S603
        raise CannotServeError("The database of the Django site could not be prepared.")


if __name__ == "__main__":
    sys.exit(main())
