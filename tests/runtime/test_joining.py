"""Modules as one behave as they did, and what is not surely understood is refused."""

from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest

from embedsync.errors import Unfamiliar
from embedsync.runtime import STATIC
from embedsync.runtime.joining import joined
from tests.runtime.node import node

_TESTS = Path(__file__).parents[1]
_IN_NODE = """
globalThis.HTMLElement = class {};
globalThis.customElements = { get: () => undefined, define: () => undefined };
globalThis.document = { addEventListener: () => undefined };
globalThis.EventSource = class { addEventListener() {} };
const described = (module) => Object.fromEntries(Object.entries(module).map(([name, value]) => {
  if (typeof value !== "function") return [name, JSON.stringify(value)];
  const methods = Object.getOwnPropertyNames(value.prototype ?? {});
  return [name, [typeof value, value.name, value.length, methods, Object.getOwnPropertyNames(value)]];
}));
"""
"""As much of a browser as our modules ask for when they begin; and what a module exports, as text."""


def shipped_sources() -> dict[str, str]:
    return {path.relative_to(STATIC).as_posix(): path.read_text() for path in sorted(STATIC.rglob("*.js"))}


def modules() -> list[str]:
    return [name for name in shipped_sources() if name != "script_tag.js"]


def run(sources: dict[str, str], folder: Path) -> Any:
    """What the joined module ``a.js`` exports."""
    (folder / "joined.mjs").write_text(joined(sources, "a.js"))
    return node(
        f"const it = await import({json.dumps((folder / 'joined.mjs').as_uri())});"
        "console.log(JSON.stringify({ ...it }));"
    )


@pytest.mark.parametrize("name", modules())
def test_joined_with_what_it_imports_a_module_exports_the_same(name: str, tmp_path: Path) -> None:
    folder = tmp_path / "static" / "build"
    folder.mkdir(parents=True)
    result = folder / "joined.mjs"
    result.write_text(joined(shipped_sources(), name))
    urls = [json.dumps(path.as_uri()) for path in (STATIC / name, result)]
    described = ", ".join(f"described(await import({url}))" for url in urls)
    source, ours = node(f"{_IN_NODE}console.log(JSON.stringify([{described}]));")
    assert ours == source
    assert sorted(ours) == sorted(exports_of(name))


def exports_of(name: str) -> list[str]:
    """The names that a module of ours exports, as a simple search finds them."""
    text = shipped_sources()[name]
    declared = re.findall(r"^export (?:async )?(?:function|class|const) (\w+)", text, re.MULTILINE)
    listed = re.findall(r"^export \{ (.+) \};", text, re.MULTILINE)
    return [*declared, *(each for names in listed for each in names.split(", "))]


def test_what_is_joined_passes_the_tests_of_the_sources(tmp_path: Path) -> None:
    """The tests are copied, and find one joined file where the sources would be."""
    for folder in ("javascript", "vectors"):
        for path in (_TESTS / folder).glob("*.js*"):
            copy = tmp_path / "tests" / folder / path.name
            copy.parent.mkdir(parents=True, exist_ok=True)
            copy.write_text(path.read_text())
    tests = sorted((tmp_path / "tests" / "javascript").glob("*.test.js"))
    text = "".join(path.read_text() for path in (tmp_path / "tests" / "javascript").iterdir())
    tested = sorted(set(re.findall(r"/static/embedsync/([\w/]+\.js)\"", text)))
    assert len(tested) >= 10
    static = tmp_path / "embedsync" / "static" / "embedsync"
    everything, exports = "", []
    for index, name in enumerate(tested):
        names = [(each, f"{each}_{index}") for each in exports_of(name)]
        everything += f'import {{ {", ".join(f"{a} as {b}" for a, b in names)} }} from "./{name}";\n'
        exports += [each for _, each in names]
        stand_in = static / name
        stand_in.parent.mkdir(parents=True, exist_ok=True)
        listed = ", ".join(f"{b} as {a}" for a, b in names)
        stand_in.write_text(f'export {{ {listed} }} from "{"../" * name.count("/") or "./"}joined.js";\n')
    everything += f"export {{ {', '.join(exports)} }};\n"
    (static / "joined.js").write_text(joined({**shipped_sources(), "all.js": everything}, "all.js"))
    (tmp_path / "package.json").write_text('{"type": "module"}')
    ran = subprocess.run(["node", "--test", *map(str, tests)], capture_output=True, text=True, timeout=110)
    assert ran.returncode == 0, ran.stdout[-4000:]
    assert int(re.search(r"^# pass (\d+)", ran.stdout, re.MULTILINE)[1]) > 50  # type: ignore[index]


def test_a_module_that_several_import_runs_once_and_after_what_it_imports(tmp_path: Path) -> None:
    sources = {
        "a.js": 'import { b } from "./b.js";\nimport { c } from "./c/c.js";\n'
        'export const ran = [...b, ...c, "a"];',
        "b.js": 'import { d as log } from "./d.js";\nlog.push("b");\nexport const b = log;',
        "c/c.js": 'import { d } from "../d.js";\nd.push("c");\nconst c = [d.length];\nexport { c };',
        "d.js": 'const log = ["d"];\nexport { log as d };',
    }
    assert run(sources, tmp_path) == {"ran": ["d", "b", "c", 3, "a"]}


def test_names_of_different_modules_do_not_meet(tmp_path: Path) -> None:
    sources = {
        "a.js": 'import { f as g } from "./b.js";\nimport { f as h, f as i } from "./c.js";\n'
        "function f() { return 1; }\nexport const all = [f(), g(), h(), i()];\nexport { g as renamed };",
        "b.js": "export function f() { return two; }\nconst two = 2;",
        "c.js": "const two = 3;\nexport function f() { return two; }",
    }
    assert run(sources, tmp_path) == {"all": [1, 2, 3, 3]}


def test_an_import_holds_above_the_place_where_it_stands(tmp_path: Path) -> None:
    sources = {"a.js": 'export const c = b + 1;\nimport { b } from "./b.js";', "b.js": "export const b = 1;"}
    assert run(sources, tmp_path) == {"c": 2}


def test_each_kind_of_export_is_kept(tmp_path: Path) -> None:
    sources = {
        "a.js": 'import { A, b, c, d, e } from "./b.js";\n'
        "export const all = [new A().x, b(), c.name, d().next().value, e];",
        "b.js": "export class A { x = 1 / 1 }\nexport function b() { return 2; }\n"
        "export async function c() {}\nexport function* d() { yield 3; }\n"
        "export const e = ({ in: 24 })?.in / 2 / 3;",
    }
    assert run(sources, tmp_path) == {"all": [1, 2, "c", 3, 4]}


def test_an_error_names_the_function_and_the_line_of_its_statement(tmp_path: Path) -> None:
    source = (
        "/**\n * Why.\n */\nexport class A {\n  // More.\n  #run() {\n    throw new Error('x');\n  }\n\n"
        "  go() {\n    this.#run();\n  }\n}"
    )
    (tmp_path / "joined.mjs").write_text(joined({"a.js": source}, "a.js"))
    (stack,) = node(
        f"const {{ A }} = await import({json.dumps((tmp_path / 'joined.mjs').as_uri())});"
        "try { new A().go(); } catch (error) { console.log(JSON.stringify([error.stack])); }"
    )
    lines = (tmp_path / "joined.mjs").read_text().splitlines()
    shown = dict(re.findall(r"at (?:A\.)?(#?\w+) \(\S+:(\d+):\d+\)", stack))
    assert lines[int(shown["#run"]) - 1] == "throw new Error('x');"
    assert lines[int(shown["go"]) - 1] == "this.#run();"


@pytest.mark.parametrize(
    ("source", "problem"),
    [
        ('import b from "./b.js";', "'b' in place of '{'"),
        ('import * as b from "./b.js";', "'*' in place of '{'"),
        ('import "./b.js";', "in place of '{'"),
        ('import { b } from "./b.js"', "in place of ';'"),
        ('import { b } from "./b.json" with { type: "json" };', "'with' in place of ';'"),
        ('import { "b" as c } from "./b.js";', "in place of a name"),
        ('import { b } from "b";', "an import of 'b'"),
        ('import { b } from "https://site.example/b.js";', "an import of 'https://site.example/b.js'"),
        ('import { b } from "./none.js";', "there is no 'none.js' to import"),
        ('import { c } from "./b.js";', "'b.js' does not export c"),
        ('const c = () => import("./b.js");', "import()"),
        ("const c = import.meta.env;", "another part of import.meta"),
        ("export default 1;", "export default"),
        ('export * from "./b.js";', "export *"),
        ('export { b } from "./b.js";', "'from' in place of ';'"),
        ("export { c as default };", "an export of 'default'"),
        ("export let c = 1;", "export let"),
        ("export var c = 1;", "export var"),
        ("export const c = 1, d = 2;", "several names"),
        ("export const { c } = {};", "a declaration without a plain name"),
        ("export class extends Object {}", "a declaration without a plain name"),
        ("export const c = 1", "without a semicolon"),
        ("await 1;", "a module that waits"),
        ("const $c = 1;", "the name '$c' begins with '$'"),
        ("a = {} / 2;", "a slash after '}'"),
    ],
)  # fmt: skip
def test_a_module_with_anything_unfamiliar_is_refused_with_its_place(source: str, problem: str) -> None:
    sources = {
        "a.js": 'import { c } from "./sub/c.js";',
        "sub/c.js": f"// one\n{source}\n".replace("./b.js", "../b.js").replace("./none", "../none"),
        "b.js": "export const b = 1;",
    }
    with pytest.raises(Unfamiliar) as refused:
        joined(sources, "a.js")
    assert str(refused.value).startswith("sub/c.js:2: ") or "without a semicolon" in problem
    assert problem in str(refused.value)


def test_modules_that_import_each_other_are_refused() -> None:
    sources = {
        "a.js": 'import { b } from "./b.js";',
        "b.js": 'import { c } from "./c.js";\nexport const b = 1;',
        "c.js": '\nimport { b } from "./b.js";\nexport const c = 1;',
    }
    with pytest.raises(Unfamiliar, match=r"c\.js:2: .*b\.js → c\.js → b\.js"):
        joined(sources, "a.js")


def test_where_a_module_was_loaded_from_is_known_in_the_folder_of_the_entry_only() -> None:
    asking = "export const url = import.meta.url;"
    assert "import.meta.url" in joined({"a.js": 'import { url } from "./b.js";', "b.js": asking}, "a.js")
    with pytest.raises(Unfamiliar, match=r"c/b\.js:1: import\.meta\.url"):
        joined({"a.js": 'import { url } from "./c/b.js";', "c/b.js": asking}, "a.js")
