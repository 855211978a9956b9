"""What a module imports and exports, and the rest of it.

Known are ``import { a, b as c } from "./other.js";``, ``export`` before a class, a function or a ``const`` of
one name, ``export { a, b as c };`` and ``import.meta.url``. What these export never changes afterwards: the
type checker refuses to assign to a function or a class.
"""

from __future__ import annotations

import posixpath
from collections.abc import Sequence
from dataclasses import dataclass, field

from embedsync.errors import Unfamiliar
from embedsync.runtime.tokens import Token, tokens_of

__all__ = ["Import", "Module", "module_of"]


@dataclass(frozen=True, slots=True)
class Import:
    """An import statement.

    Attributes:
        module: the file that it names, as the importing one is named.
        names: pairs of a name there and the name here.
        line: where it stands.
    """

    module: str
    names: Sequence[tuple[str, str]]
    line: int


@dataclass(slots=True)
class Module:
    """A module, taken apart.

    Attributes:
        name: its path below the folder of the runtime.
        body: its words, without imports and exports.
        imports: its import statements.
        exports: the names within, by the names that it exports.
        asks_for_url: the line on which it asks where it was loaded from, or 0.
    """

    name: str
    body: list[Token] = field(default_factory=list)
    imports: list[Import] = field(default_factory=list)
    exports: dict[str, str] = field(default_factory=dict)
    asks_for_url: int = 0


def module_of(source: str, name: str) -> Module:
    """Take a module apart.

    Args:
        source: its text.
        name: its path below the folder of the runtime, with slashes.

    Raises:
        Unfamiliar: it has something that is not surely understood.
    """
    return _Reader(tokens_of(source, name), name).run()


class _Reader:
    def __init__(self, tokens: Sequence[Token], name: str) -> None:
        self._tokens = tokens
        self._at = 0
        self._module = Module(name)

    def run(self) -> Module:
        while self._at < len(self._tokens):
            token = self._tokens[self._at]
            if token.kind == "name" and not self._is_member():
                if token.text == "import" and self._text(1) in ("(", "."):
                    self._expression()
                elif token.text == "import" and token.depth == 0:
                    self._import()
                    continue
                elif token.text == "export" and token.depth == 0:
                    self._export()
                    continue
                elif token.text == "await" and token.depth == 0:
                    raise self._unfamiliar("a module that waits")
            self._module.body.append(token)
            self._at += 1
        return self._module

    def _expression(self) -> None:
        """``import.meta.url``, which is the only expression with `import` that is known."""
        if self._text(1) == "(":
            raise self._unfamiliar("import()")
        if [self._text(each) for each in (2, 3, 4)] != ["meta", ".", "url"]:
            raise self._unfamiliar("another part of import.meta than its url")
        self._module.asks_for_url = self._tokens[self._at].line

    def _import(self) -> None:
        line = self._tokens[self._at].line
        self._at += 1
        names = self._names()
        self._take("from")
        path = self._take_kind("string")[1:-1]
        self._take(";")
        if not path.startswith(("./", "../")) or "\\" in path:
            raise self._unfamiliar(f"an import of {path!r}")
        folder = posixpath.dirname(self._module.name)
        self._module.imports.append(Import(posixpath.normpath(posixpath.join(folder, path)), names, line))

    def _export(self) -> None:
        export = self._tokens[self._at]
        self._at += 1
        if self._text() == "{":
            names = self._names()
            self._take(";")
            for within, outside in names:
                self._add_export(outside, within)
            return
        name = self._declared()
        self._add_export(name, name)
        # The declaration itself is read next, and stands where the export stood.
        first = self._tokens[self._at]
        self._module.body.append(first._replace(gap=export.gap))
        self._at += 1

    def _declared(self) -> str:
        """The name in a declaration that begins here; it is not taken."""
        ahead = {"class": 1, "const": 1, "function": 1, "async": 2}.get(self._text())
        if ahead is None or (ahead == 2 and self._text(1) != "function"):
            raise self._unfamiliar(f"export {self._text()}")
        if self._text(ahead) == "*":
            ahead += 1
        token = self._token(ahead)
        if token is None or token.kind != "name" or token.text == "extends":
            raise self._unfamiliar("a declaration without a plain name")
        if self._text() == "const":
            self._check_alone(self._at + ahead + 1)
        return token.text

    def _check_alone(self, at: int) -> None:
        """Refuse a declaration of several names: each would have to be exported."""
        if at >= len(self._tokens) or self._tokens[at].text != "=":
            raise self._unfamiliar("a const without a value")
        for token in self._tokens[at:]:
            if token.depth == 0 and token.text == ";":
                return
            if token.depth == 0 and token.text == ",":
                break
        raise self._unfamiliar("a const of several names, or without a semicolon")

    def _add_export(self, outside: str, within: str) -> None:
        if outside == "default" or outside in self._module.exports:
            raise self._unfamiliar(f"an export of {outside!r}")
        self._module.exports[outside] = within

    def _names(self) -> list[tuple[str, str]]:
        """``{ a, b as c }`` as pairs; what stands there is taken."""
        self._take("{")
        names: list[tuple[str, str]] = []
        while self._text() != "}":
            first = second = self._take_kind("name")
            if self._text() == "as":
                self._at += 1
                second = self._take_kind("name")
            names.append((first, second))
            if self._text() != "}":
                self._take(",")
        self._at += 1
        return names

    def _take(self, text: str) -> None:
        if self._text() != text:
            raise self._unfamiliar(f"{self._text()!r} in place of {text!r}")
        self._at += 1

    def _take_kind(self, kind: str) -> str:
        token = self._token()
        if token is None or token.kind != kind:
            raise self._unfamiliar(f"{self._text()!r} in place of a {kind}")
        self._at += 1
        return token.text

    def _token(self, ahead: int = 0) -> Token | None:
        at = self._at + ahead
        return self._tokens[at] if at < len(self._tokens) else None

    def _text(self, ahead: int = 0) -> str:
        token = self._token(ahead)
        return token.text if token is not None else ""

    def _is_member(self) -> bool:
        return self._at > 0 and self._tokens[self._at - 1].text in (".", "?.")

    def _unfamiliar(self, what: str) -> Unfamiliar:
        line = self._tokens[min(self._at, len(self._tokens) - 1)].line
        return Unfamiliar(self._module.name, line, f"{what} is not understood")
