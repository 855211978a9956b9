"""Who is who on the sites of the contract: a cookie names a user, and sometimes their login.

Whoever the cookie names exists, until they are deleted. A new password makes another login of them, and the
cookies of the former one name nobody any more.
"""

from __future__ import annotations

from collections import Counter

__all__ = ["change", "user_named", "user_of"]

_deleted: set[str] = set()
_passwords: Counter[str] = Counter()


def user_named(name: str | None) -> str | None:
    """Whom a cookie names; one name breaks whoever looks it up."""
    if name == "nobody-can-say":
        raise LookupError("the secret of the users")
    return name or None


def user_of(cookie: str) -> str | None:
    """The user whom the cookie ``user`` names: ``ada``, or ``ada.1`` after her password was changed once."""
    name, _, login = (user_named(cookie) or "").partition(".")
    is_valid = name not in _deleted and login == (str(_passwords[name]) if _passwords[name] else "")
    return name if name and is_valid else None


def change(what: str, name: str) -> None:
    """``delete`` somebody, or change their ``password``."""
    if what == "delete":
        _deleted.add(name)
    elif what == "password":
        _passwords[name] += 1
    else:
        raise ValueError(what)
