"""The contract's apps."""

from embedsync_django import embed
from tests.contract.apps import all_apps

for name, (source, options) in all_apps().items():
    embed.add_app(name, source, **options)
