"""An app whose document is the toy of the property tests, with a callback of the test's choice."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Generator, Mapping
from pathlib import Path
from typing import Any

from embedsync.app import SessionInfo, Traits
from embedsync.document import DocumentHost
from tests.property.toy import Node, ToyDocument


class LiveToy(ToyDocument):
    def __init__(self, clicked: Callable[[], None]) -> None:
        super().__init__()
        self._on_click = clicked

    def _clicked(self, node: Node) -> None:
        self._on_click()
        super()._clicked(node)


class ToyRecipe:
    """Fills toy documents.

    Args:
        clicked: the callback of a click; it may block, as callbacks do.
    """

    kind = "toy"

    def __init__(self, clicked: Callable[[SessionInfo], None] = lambda info: None) -> None:
        self.clicked = clicked
        self.sessions: list[SessionInfo] = []
        self.closed = False
        self.traits = Traits(own_page=False)

    def check(self) -> None:
        pass

    def load(self) -> None:
        return None

    def scripts(self) -> Mapping[str, Path]:
        return {}

    def build(self, host: DocumentHost, session: SessionInfo) -> Generator[Awaitable[Any], Any, ToyDocument]:
        self.sessions.append(session)
        yield from ()
        return LiveToy(lambda: self.clicked(session))

    def close(self) -> None:
        self.closed = True


CLICK = {"kind": "click", "id": "root"}


def set_value(value: int) -> dict[str, Any]:
    return {"kind": "set", "id": "root", "attr": "value", "new": value}
