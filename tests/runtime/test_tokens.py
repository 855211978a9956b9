"""A script without its comments means what it meant: judged by a parser that others have written."""

from __future__ import annotations

from pathlib import Path

import bokeh
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from embedsync.errors import Unfamiliar
from embedsync.runtime import STATIC
from embedsync.runtime.tokens import tokens_of, written
from tests.runtime.node import Trees

_BOKEHJS = Path(bokeh.__file__).parent / "server" / "static" / "js"


def stripped(source: str) -> str:
    return written(tokens_of(source, "some.js"))


def assert_the_same(source: str, trees: Trees) -> None:
    result = stripped(source)
    comments, meaning = trees(result)
    assert meaning == trees(source)[1]
    assert comments == 0


@pytest.mark.parametrize("path", sorted(STATIC.rglob("*.js")), ids=lambda path: path.name)
def test_every_module_of_ours_means_the_same_without_its_comments(path: Path, trees: Trees) -> None:
    assert trees(path.read_text())[0] > 0
    assert_the_same(path.read_text(), trees)


@pytest.mark.parametrize("name", ["bokeh-widgets.js", "bokeh-tables.min.js"])
def test_so_do_large_scripts_of_others(name: str, trees: Trees) -> None:
    assert_the_same((_BOKEHJS / name).read_text(), trees)


@pytest.mark.parametrize(
    "source",
    [
        "a = b / c /* ' */ / d;",
        "a = (b) / c /* ' */ / d;",
        "a = b[0] / c /* ' */ / d;",
        "a = 1 / c /* ' */ / 2.5e-3 / .5 /* ' */ / 0xffn;",
        "a = 'b' / `c` /* ' */ / `${d}` / e /* ' */ / f;",
        "a /= b; c = /=/;",
        "a.if (b) / c /* ' */ / d;",
        "a.return / b /* ' */ / c;",
        "a.of / b /* ' */ / c;",
        "if (a) /b'/.test(c);",
        "while (f(a)[0]) /b'/.test(c);",
        "for (const a of b) /c'/.test(a);",
        "async () => { for await (const a of b) /c'/.test(a); await (b) / c /* ' */ / d; };",
        "() => { return /[/'`\"]\\/[\\]/]'/gi; };",
        "a = [/'/, /`/u, typeof /\"/, !/'/.test(b)];",
        "a = b ? /'/ : /`/;",
        "f(...a, /'/); x = async () => await /'/;",
        "a = b\n/c/* ' *//d;",
        "class A { #b = 1; c() { return this.#b / 2 /* ' */ / 3; } has(d) { return #b in d; } }",
        "a = `'${b ? `\\`${c}/*` : {d: '}'}}//`;",
        "a = '\\'//' + \"\\\"/*\" + 'b\\\nc';",
        "a = b?.5:1; a = b?.c; a = 1..toString();",
        "a = b/* */+ +c; a = b - /**/-c; a = b+/* \n */+c;",
        "a = b /* \n */ ++c;",
        "() => { return /* \n */ 1; };",
        "let/**/a, b/**/\n/**/c",
        "// all",
        "",
    ],
)  # fmt: skip
def test_what_only_looks_like_something_else_is_kept(source: str, trees: Trees) -> None:
    assert_the_same(source, trees)


def test_lines_stay_lines_but_for_those_without_a_word() -> None:
    source = (
        "// first\n\nfunction a() { // why\n    /** @type {A} */\n    return (`\n    b`);\n}\n\n/* last\n*/\n"
    )
    assert stripped(source) == "function a() {\nreturn (`\n    b`);\n}"


_TRICKY = st.text("'\"`/*\\${}[]() \nab", max_size=8)


def _quoted(text: str, quote: str) -> str:
    escaped = text.replace("\\", "\\\\").replace(quote, f"\\{quote}").replace("\n", "\\\n")
    return f"{quote}{escaped}{quote}"


_TEMPLATE_TEXT = _TRICKY.map(
    lambda text: text.replace("\\", "\\\\").replace("`", "\\`").replace("${", "$\\{").removesuffix("$")
)
_PATTERN = st.sampled_from(["/'/", "/[/`]/g", "/\\/\\*/", '/[^\\]/"]+/u', "/${/", "/(a|b)*\\\\/y"])
_NAME_OR_NUMBER = st.sampled_from(
    ["a", "b.c", "$d", "this", "1", "0x1f", ".5", "2n", "1e-3", "a.of", "b?.of"]
)
_LEAF = st.one_of(_NAME_OR_NUMBER, st.builds(_quoted, _TRICKY, st.sampled_from("'\"")), _PATTERN)
_SPACE = st.sampled_from(["", " ", "\n", "\t"])
_COMMENT = st.sampled_from(
    ["/**/", "/* ' */", "/* \n` */", "// '\n", "// /*\n", "//\n", " /* // */ ", "/* ${ */"]
)
_GAP = _SPACE | _COMMENT


def _larger(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    shapes = [
        ["(", 0, ")"], ["[", 0, ",", 1, "]"], ["({", "k", ":", 0, "})"], ["f", "(", 0, ",", 1, ")"],
        ["(", 0, ")", "/", "(", 1, ")"], ["a", "/", 0], ["b", "/=", 0], ["typeof ", 0], ["a", "?", 0, ":", 1],
        ["(", "(", ")", "=>", "{", "if ", "(", "a", ")", 0, ";", "return ", 1, ";", "}", ")"],
        ["(", "async ", "(", ")", "=>", "await ", 0, ")"], ["a", "+", " ", "+", "b", "-", 0],
    ]  # fmt: skip

    @st.composite
    def shaped(draw: st.DrawFn) -> str:
        values = [draw(inner), draw(inner)]
        parts = draw(st.sampled_from(shapes))
        return "".join(f"{values[each] if isinstance(each, int) else each}{draw(_GAP)}" for each in parts)

    @st.composite
    def template(draw: st.DrawFn) -> str:
        first, last = draw(_TEMPLATE_TEXT), draw(_TEMPLATE_TEXT)
        return f"`{first}${{{draw(_GAP)}{draw(inner)}{draw(_GAP)}}}{last}`"

    return shaped() | template()


_EXPRESSION = st.recursive(_LEAF, _larger, max_leaves=12)


@settings(max_examples=400, deadline=None)
@given(st.lists(st.tuples(_GAP, _EXPRESSION, _GAP), min_size=1, max_size=3))
def test_any_script_means_the_same_without_its_comments(
    trees: Trees, statements: list[tuple[str, str, str]]
) -> None:
    source = "".join(f"{before}x = {expression}{after};" for before, expression, after in statements)
    try:
        trees(source)
    except SyntaxError:  # Such as a value to which something is assigned.
        return
    assert_the_same(source, trees)


@pytest.mark.parametrize(
    ("source", "problem"),
    [
        ("\n\na = {} / b / c;", "some.js:3: a slash after '}' is not understood"),
        ("a++ / b;", "some.js:1: a slash after '++' is not understood"),
        ("a = of / b;", "some.js:1: a slash after 'of' is not understood"),
        ("a = 'b\n';", "some.js:1: "),
        ("a = `b\n${c}", "some.js:2: "),
        ("\na = `b ${c\n", "some.js:3: '${' is not closed"),
        ("a = /b\n/;", "some.js:1: "),
        ("a /* b", "some.js:1: a comment is not closed"),
        ("a = (b];", "some.js:1: ']' closes nothing"),
        ("a = b);", "some.js:1: ')' closes nothing"),
        ("{ a", "some.js:1: '{' is not closed"),
        ("#!/usr/bin/env node", "some.js:1: "),
        ("@decorated class A {}", "some.js:1: "),
        ("größe = 1;", "some.js:1: "),
        ("\\u0061 = 1;", "some.js:1: "),
        ("a = 1b;", "some.js:1: "),
        ("a =\u00a01;", "some.js:1: "),
        ("a = 1;\r\n", "some.js:1: "),
    ],
)
def test_what_could_be_mistaken_is_refused_with_its_place(source: str, problem: str) -> None:
    with pytest.raises(Unfamiliar) as refused:
        tokens_of(source, "some.js")
    assert str(refused.value).startswith(problem)
