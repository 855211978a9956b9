"""A tank was saved or deleted, wherever: every open dashboard reads the table again."""

from typing import Any

from django.db import transaction
from django.db.models.signals import post_delete, post_save
from django.dispatch import receiver

from embedsync_django import embed

from .dashboard import show_tanks
from .models import Tank


@receiver([post_save, post_delete], sender=Tank)
def tell_dashboards(**_details: Any) -> None:
    """Tell them once others can read the change."""
    transaction.on_commit(lambda: embed.update_sessions("cellar", show_tanks))
