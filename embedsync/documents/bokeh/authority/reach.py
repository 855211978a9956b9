"""Properties and events of a model that a person reaches."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["Reach", "reach"]


@dataclass(frozen=True)
class Reach:
    """What a person reaches in a model.

    Attributes:
        inputs: properties that are a person's input.
        view: properties that say how a person looks at it; also open where an app is read-only.
        events: names of events.
        view_events: names of events that say how a person looks at it.
    """

    inputs: frozenset[str] = frozenset()
    view: frozenset[str] = frozenset()
    events: frozenset[str] = frozenset()
    view_events: frozenset[str] = frozenset()

    def __or__(self, other: Reach) -> Reach:
        return Reach(
            self.inputs | other.inputs,
            self.view | other.view,
            self.events | other.events,
            self.view_events | other.view_events,
        )


def reach(inputs: str = "", *, view: str = "", events: str = "", view_events: str = "") -> Reach:
    """A reach, of names with spaces between them."""
    return Reach(*(frozenset(each.split()) for each in (inputs, view, events, view_events)))
