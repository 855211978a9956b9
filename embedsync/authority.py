"""Write authority: what a browser may change, asked before anything is applied."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Protocol

__all__ = ["Authority", "Permissive", "Validator", "allow_client_write", "granted"]

Validator = Callable[[Any], bool]
"""Is told a decoded value, and says whether a browser may write it."""


class Authority(Protocol):
    """Decides on each part of an edit, before any of it is applied.

    Each method returns if the change is allowed and raises
    :class:`~embedsync.errors.Refused` with code ``forbidden`` otherwise. ``model`` is the
    document's own object.
    """

    def write(self, model: Any, attribute: str, value: Any) -> None:
        """May a browser set this property to this decoded value?"""

    def delta(self, model: Any, attribute: str, data: Any) -> None:
        """May a browser stream to, or patch, this property?"""

    def event(self, model: Any | None, name: str, details: Mapping[str, Any]) -> None:
        """May a browser send this event? ``model`` is ``None`` for the document's.

        ``details`` is what else the event says, such as the item of a menu.
        """

    def message(self, document: Any, kind: str) -> None:
        """May a browser send the document a message of this kind?"""

    def create(self, model: Any) -> None:
        """May a browser bring this new model?"""

    def structure(self, change: str) -> None:
        """May a browser change roots or title? ``change`` is the kind of the event."""


class Permissive:
    """Allows what ``bokeh serve`` allows: everything."""

    def write(self, model: Any, attribute: str, value: Any) -> None:
        """Allow it."""

    def delta(self, model: Any, attribute: str, data: Any) -> None:
        """Allow it."""

    def event(self, model: Any | None, name: str, details: Mapping[str, Any]) -> None:
        """Allow it."""

    def message(self, document: Any, kind: str) -> None:
        """Allow it."""

    def create(self, model: Any) -> None:
        """Allow it."""

    def structure(self, change: str) -> None:
        """Allow it."""


_GRANTS = "_embedsync_client_writes"


def allow_client_write(model: Any, attribute: str, validator: Validator | None = None) -> None:
    """Let browsers write a property that the profile ``closed`` keeps from them.

    For what scripts of the page write: ``CustomJS``, ``js_link``, models of your own. Whoever can open the
    app can then write it, with any value of the property's type, unless ``validator`` says no.

    Args:
        model: a model; or a class of models, for all its models in all apps of the process.
        attribute: name of the property. ``"data"`` of a data source includes streams and patches.
        validator: is called with the value, decoded and not yet converted (dates are numbers of
            milliseconds), or with columns, and returns whether it may be written. Of a stream these hold what
            is to be appended, of a patch pairs of place and value.

    Raises:
        ValueError: the model has no such property.
    """
    cls: Any = model if isinstance(model, type) else type(model)
    if attribute not in cls.properties():
        raise ValueError(f"{cls.__name__} has no property {attribute!r}")
    own: Mapping[str, Validator | None] = vars(model).get(_GRANTS, {})
    # Bokeh's models take any attribute whose name begins with an underscore.
    setattr(model, _GRANTS, {**own, attribute: validator})


def granted(model: Any, attribute: str) -> Validator | bool:
    """What :func:`allow_client_write` said of a property: ``False``, ``True``, or a validator to ask."""
    if not hasattr(type(model), _GRANTS) and _GRANTS not in vars(model):
        return False  # What nearly always is the case.
    for owner in (model, *type(model).__mro__):
        grants = vars(owner).get(_GRANTS, {})
        if attribute in grants:
            return grants[attribute] or True
    return False
