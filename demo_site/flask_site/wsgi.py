"""What a WSGI server imports: `gunicorn --threads 64 demo_site.flask_site.wsgi:app`."""

from . import create_app

app = create_app()
