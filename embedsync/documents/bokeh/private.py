"""Every import from Bokeh that is not part of its public interface, in one place.

When a release of Bokeh moves something, this is the file to look at. Nothing here imports
Bokeh's server, and nothing imports Tornado.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

import bokeh.model.util as model_util
from bokeh.core import templates
from bokeh.core.has_props import HasProps, _default_resolver, is_DataModel
from bokeh.core.property.bases import Property, validation_on
from bokeh.core.property.dataspec import DataSpec, UnitsSpec
from bokeh.core.property.descriptors import (
    AliasPropertyDescriptor,
    ColumnDataPropertyDescriptor,
    DataSpecPropertyDescriptor,
    PropertyDescriptor,
    UnitsSpecPropertyDescriptor,
    UnsetValueError,
)
from bokeh.core.property.nothing import Nothing
from bokeh.core.property.nullable import Nullable
from bokeh.core.property.primitive import Bool, Float, Int, String
from bokeh.core.property.required import Required
from bokeh.core.property.singletons import Intrinsic, Undefined
from bokeh.core.property.vectorization import Field, Value
from bokeh.core.property.wrappers import (
    PropertyValueColumnData,
    PropertyValueContainer,
    PropertyValueDict,
    PropertyValueList,
    PropertyValueSet,
)
from bokeh.core.serialization import Deserializer, SerializationError, Serializer
from bokeh.core.templates import AUTOLOAD_JS
from bokeh.core.types import ID
from bokeh.document import Document
from bokeh.document.callbacks import DocumentCallbackManager
from bokeh.document.events import (
    ColumnDataChangedEvent,
    ColumnsPatchedEvent,
    ColumnsStreamedEvent,
    DocumentChangedEvent,
    DocumentPatchedEvent,
    MessageSentEvent,
    ModelChangedEvent,
    RootAddedEvent,
    RootRemovedEvent,
    SessionCallbackAdded,
    SessionCallbackRemoved,
    TitleChangedEvent,
)
from bokeh.document.locking import UnlockedDocumentProxy
from bokeh.document.models import DocumentModelManager
from bokeh.embed.bundle import (
    URL,
    Bundle,
    Script,
    _use_gl,
    _use_mathjax,
    _use_tables,
    _use_widgets,
    extension_dirs,
)
from bokeh.embed.bundle import _bundle_extensions as bundle_extensions
from bokeh.embed.elements import script_for_render_items
from bokeh.embed.util import RenderItem
from bokeh.events import Event, ModelEvent
from bokeh.model import Model
from bokeh.model.util import visit_value_and_its_immediate_references
from bokeh.resources import Resources
from bokeh.settings import settings
from bokeh.themes import Theme
from bokeh.util.callback_manager import _nargs
from bokeh.util.compiler import CompilationError, CustomModel
from bokeh.util.compiler import _bundle_models as compile_models
from bokeh.util.dataclasses import Unspecified
from bokeh.util.dependencies import import_optional
from bokeh.util.serialization import (
    BINARY_ARRAY_TYPES,
    array_encoding_disabled,
    convert_datetime_type,
    make_globally_unique_id,
    make_id,
    transform_array,
    transform_series,
)

__all__ = [
    "AUTOLOAD_JS",
    "BINARY_ARRAY_TYPES",
    "ID",
    "OF_BOKEH",
    "URL",
    "AliasPropertyDescriptor",
    "Bool",
    "Bundle",
    "ColumnDataChangedEvent",
    "ColumnDataPropertyDescriptor",
    "ColumnsPatchedEvent",
    "ColumnsStreamedEvent",
    "CompilationError",
    "CustomModel",
    "DataSpec",
    "DataSpecPropertyDescriptor",
    "Document",
    "DocumentCallbackManager",
    "DocumentChangedEvent",
    "DocumentModelManager",
    "DocumentPatchedEvent",
    "Event",
    "Field",
    "Float",
    "HasProps",
    "Int",
    "Intrinsic",
    "MessageSentEvent",
    "Model",
    "ModelChangedEvent",
    "ModelEvent",
    "Nothing",
    "Nullable",
    "Property",
    "PropertyDescriptor",
    "PropertyValueColumnData",
    "PropertyValueContainer",
    "PropertyValueDict",
    "PropertyValueList",
    "PropertyValueSet",
    "RenderItem",
    "Required",
    "Resources",
    "RootAddedEvent",
    "RootRemovedEvent",
    "Script",
    "SerializationError",
    "Serializer",
    "SessionCallbackAdded",
    "SessionCallbackRemoved",
    "String",
    "TitleChangedEvent",
    "Undefined",
    "UnitsSpec",
    "UnitsSpecPropertyDescriptor",
    "UnlockedDocumentProxy",
    "UnsetValueError",
    "Unspecified",
    "Value",
    "array_encoding_disabled",
    "bundle_extensions",
    "compile_models",
    "convert_datetime_type",
    "data_models",
    "event_callbacks",
    "extension_dirs",
    "forget_classes",
    "import_optional",
    "is_unthemed",
    "make_globally_unique_id",
    "make_id",
    "model_class",
    "model_util",
    "models_with_an_implementation",
    "property_callbacks",
    "registered_decoders",
    "script_for_render_items",
    "settings",
    "takes_no_argument",
    "templates",
    "transform_array",
    "transform_series",
    "uses_gl",
    "uses_mathjax",
    "uses_tables",
    "uses_widgets",
    "validation_on",
    "visit_value_and_its_immediate_references",
]


OF_BOKEH = ("bokeh.models.", "bokeh.plotting.")
"""Where Bokeh's own models are. What it makes for others may have other modules of its own."""

# The registry of model classes by name. What Model.model_class_reverse_map gives is a copy of it.
_resolver: Any = _default_resolver
_own: set[type[HasProps]] = set()


def property_callbacks(model: Model, attribute: str) -> tuple[Callable[..., Any], ...]:
    """The ``on_change`` callbacks of a property, as they are now."""
    return tuple(model._callbacks.get(attribute, ()))


def event_callbacks(model: Model, name: str) -> tuple[Callable[..., Any], ...]:
    """The ``on_event`` callbacks of a model for an event of this name."""
    return tuple(model._event_callbacks.get(name, ()))


def takes_no_argument(callback: Callable[..., Any]) -> bool:
    """Whether an event callback wants to be called without the event."""
    return bool(_nargs(callback) == 0)


def registered_decoders() -> Mapping[str, Callable[[Any, Any], Any]]:
    """Decoders of the value types that parts of Bokeh, or extensions, have registered."""
    return Deserializer._decoders


def model_class(name: str) -> type[Model] | None:
    """The class of models that a browser calls ``name``."""
    if name == "Figure":
        from bokeh.plotting import figure

        return figure
    found = _resolver._known_models.get(name)
    return found if isinstance(found, type) and issubclass(found, Model) else None


def models_with_an_implementation() -> list[type[Model]]:
    """Model classes that this process has defined with a view beside them."""
    known = list(_resolver._known_models.values())
    return [each for each in known if issubclass(each, Model) and hasattr(each, "__implementation__")]


def data_models() -> list[type[HasProps]]:
    """Model classes that exist in Python only and that browsers must be told about."""
    # Most are Bokeh's own, and to ask for each of those takes longer than to encode a small document.
    return [each for each in list(_resolver._known_models.values()) if each not in _own and _is_data(each)]


def _is_data(model_class: type[HasProps]) -> bool:
    if model_class.__module__.startswith(OF_BOKEH):
        _own.add(model_class)
        return False
    return is_DataModel(model_class)


def is_unthemed(theme: Theme, model_class: type[Model]) -> bool:
    """Whether putting a model of this class into a document with this theme changes nothing else of it."""
    return model_class._attach_document is Model._attach_document and not theme._for_class(model_class)


def forget_classes(modules: Iterable[str], others: Iterable[type] = ()) -> None:
    """Take the model classes that these modules defined, and others, out of Bokeh's process-wide registry."""
    ended, gone = set(modules), set(others)
    for each in list(_resolver._known_models.values()):
        if each.__module__ in ended or each in gone:
            _resolver.remove(each)


def uses_widgets(models: set[Any]) -> bool:
    """Whether these models need the widgets bundle."""
    return bool(_use_widgets(models))


def uses_tables(models: set[Any]) -> bool:
    """Whether these models need the tables bundle."""
    return bool(_use_tables(models))


def uses_gl(models: set[Any]) -> bool:
    """Whether these models need the WebGL bundle."""
    return bool(_use_gl(models))


def uses_mathjax(models: set[Any]) -> bool:
    """Whether these models need the MathJax bundle."""
    return bool(_use_mathjax(models))
