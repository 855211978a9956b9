"""Empty lists and the like that are the defaults of models, given up until somebody asks for them.

Each model of Bokeh's makes half a dozen of them when it is made, with a set for each that says whose it is.
Together they take up as much as all the rest of a document, and hardly any is ever looked at. Bokeh makes
them again when they are read.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable
from functools import cache
from typing import Any

from embedsync.documents.bokeh.private import (
    HasProps,
    Model,
    PropertyValueDict,
    PropertyValueList,
    PropertyValueSet,
)
from embedsync.documents.bokeh.properties import FAMILIAR, is_of_bokeh

__all__ = ["give_up_empty_defaults"]

_CONTAINERS = frozenset({PropertyValueDict, PropertyValueList, PropertyValueSet})


def give_up_empty_defaults(models: Iterable[Model]) -> None:
    """Let go of the empty defaults that nobody but their model holds."""
    count = sys.getrefcount
    for model in models:
        model_class: Any = type(model)
        if not is_of_bokeh(model_class):
            continue
        made: dict[str, Any] = model._unstable_default_values
        for name in empty_defaults(model_class).intersection(made):
            # One that app code has changed is not here any more, but in the values that were set.
            value = made[name]
            if count(value) <= _UNSHARED and not value and type(value) in _CONTAINERS:
                del made[name]


def _references_of_one_that_nobody_else_holds() -> int:
    made: dict[str, Any] = {"": PropertyValueList()}
    for name in made:
        value = made[name]
        return sys.getrefcount(value)
    raise AssertionError


_UNSHARED = _references_of_one_that_nobody_else_holds()
"""What ``sys.getrefcount`` says depends on the interpreter."""


@cache
def empty_defaults(model_class: type[HasProps]) -> frozenset[str]:
    """Names of the properties that are empty unless they are set, and that each model makes anew."""
    overridden = model_class._overridden_defaults()
    found = set()
    for name in model_class.properties(_with_props=True):
        descriptor: Any = model_class.lookup(name)
        if type(descriptor) not in FAMILIAR or not descriptor.has_unstable_default(model_class):
            continue
        default = overridden.get(name, descriptor.property._default)
        if type(default) in (dict, list, set) and not default:
            found.add(name)
    return frozenset(found)
