"""A session store that does not answer."""

from typing import Any

from django.contrib.sessions.backends.base import SessionBase


class SessionStore(SessionBase):
    def load(self) -> dict[str, Any]:
        raise OSError("the session store is away")
