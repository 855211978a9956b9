"""The contract's Flask site, imported before the server forks, hub and all."""

from tests.contract.flask_site import create_app

application = create_app()
with application.test_request_context():
    _ = application.extensions["embedsync"].hub
