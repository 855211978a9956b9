"""What a browser may change.

``table`` says which properties and events a person reaches through what is shown, ``domain`` which values
these may take, ``shown`` what else in the document opens a way (a tool that edits data, a legend that hides),
``closed`` asks them all.
"""

from __future__ import annotations

from embedsync.authority import Authority, Permissive
from embedsync.documents.bokeh.authority.closed import Closed
from embedsync.errors import ConfigurationError

__all__ = ["Closed", "authority_of"]


def authority_of(profile: str | Authority, *, read_only: bool = False) -> Authority:
    """The authority for an app.

    Args:
        profile: ``"closed"``, ``"compat"``, or an authority of the site's own, which is returned as it is.
        read_only: visitors may look around, and change nothing.

    Raises:
        ConfigurationError: there is no such profile, or it cannot be narrowed.
    """
    if not isinstance(profile, str):
        if read_only:
            raise ConfigurationError("read_only narrows the profiles only, not an authority of your own")
        return profile
    if profile not in ("closed", "compat"):
        raise ConfigurationError(f"authority must be 'closed', 'compat' or an Authority, not {profile!r}")
    if read_only:
        return Closed(read_only=True)
    return Closed() if profile == "closed" else Permissive()
