"""Modules as one: each becomes a function that is called once and returns what the module exports.

So each keeps its own names, and what it declares is still named in error traces. Modules run in the order in
which browsers run them: each after those that it imports.
"""

from __future__ import annotations

import posixpath
from collections.abc import Iterable, Mapping

from embedsync.errors import Unfamiliar
from embedsync.runtime.module import Import, Module, module_of
from embedsync.runtime.tokens import written

__all__ = ["joined"]

_HEAD = "// Several modules in one file, without their comments. In debug mode each is a file of its own.\n"
_MARK = "$"
"""How names begin that are given here; no name of a source may."""


def joined(sources: Mapping[str, str], entry: str) -> str:
    """A module and all that it imports, as one module with the same exports.

    Args:
        sources: the text of each module by its path, with slashes.
        entry: the path of the module to begin with.

    Raises:
        Unfamiliar: a source has something that is not surely understood, or modules go round in a circle.
    """
    modules = _in_order(sources, entry)
    text = "".join(_as_function(each) for each in modules)
    exports = ", ".join(modules[-1].exports)
    return f"{_HEAD}{text}" + (f"export const {{ {exports} }} = {_given(entry)};\n" if exports else "")


def _in_order(sources: Mapping[str, str], entry: str) -> list[Module]:
    """The modules in the order in which they run."""
    found: dict[str, Module] = {}
    way: list[str] = []

    def visit(name: str) -> None:
        way.append(name)
        module = module_of(sources[name], name)
        for each in module.imports:
            if each.module in way:
                circle = " → ".join([*way[way.index(each.module) :], each.module])
                raise Unfamiliar(name, each.line, f"modules import one another in a circle: {circle}")
            if each.module not in sources:
                raise Unfamiliar(name, each.line, f"there is no {each.module!r} to import")
            if each.module not in found:
                visit(each.module)
            _check_names(name, each, found[each.module])
        _check_place(module, entry)
        _check_given_names(module)
        found[name] = module
        way.pop()

    visit(entry)
    return list(found.values())


def _check_names(name: str, imported: Import, module: Module) -> None:
    missing = [each for each, _ in imported.names if each not in module.exports]
    if missing:
        raise Unfamiliar(name, imported.line, f"{imported.module!r} does not export {', '.join(missing)}")


def _check_place(module: Module, entry: str) -> None:
    """What a module finds beside itself is found only if the joined one is loaded from the same folder."""
    if module.asks_for_url and posixpath.dirname(module.name) != posixpath.dirname(entry):
        problem = f"import.meta.url is not understood outside of the folder of {entry!r}"
        raise Unfamiliar(module.name, module.asks_for_url, problem)


def _check_given_names(module: Module) -> None:
    for token in module.body:
        if token.kind == "name" and token.text.startswith(_MARK):
            raise Unfamiliar(module.name, token.line, f"the name {token.text!r} begins with {_MARK!r}")


def _as_function(module: Module) -> str:
    lines = [f"// {module.name}", f"const {_given(module.name)} = (() => {{"]
    lines += [f"const {{ {_pairs(each.names)} }} = {_given(each.module)};" for each in module.imports]
    lines += [written(module.body), f"return {{ {_pairs(module.exports.items())} }};", "})();", ""]
    return "\n".join(lines)


def _pairs(names: Iterable[tuple[str, str]]) -> str:
    """``a, b: c``, as a pattern or as an object."""
    return ", ".join(left if left == right else f"{left}: {right}" for left, right in names)


def _given(name: str) -> str:
    """The name of the function's result."""
    return _MARK + "".join(each if each.isalnum() else "_" for each in name.removesuffix(".js"))
