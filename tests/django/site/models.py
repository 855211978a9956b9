"""Members, whose keys are no numbers, and what the apps count."""

import uuid

from django.contrib.auth.models import AbstractUser
from django.db import models


class Member(AbstractUser):
    id = models.UUIDField(primary_key=True, default=uuid.uuid4)

    class Meta:
        app_label = "site"
        permissions = (("use_board", "Can use the board"),)


class Note(models.Model):
    text = models.TextField()

    class Meta:
        app_label = "site"
