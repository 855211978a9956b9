"""The words of a script, without its comments.

What is between two words is kept as far as it counts: nothing, a space or the end of a line. So a script that
is written from its words has the same lines, less those that were empty or comments, and the same meaning.

What could be mistaken is refused: a slash of which only a parser knows whether it divides or begins a regular
expression. So is what no script of ours needs: letters beyond ASCII in names, decorators, ``#!``.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import NamedTuple

from embedsync.errors import Unfamiliar

__all__ = ["Token", "tokens_of", "written"]


class Token(NamedTuple):
    """A word of a script.

    Attributes:
        text: as it is written.
        kind: ``name``, ``string``, ``template``, ``number``, ``pattern`` (a regular expression) or ``mark``.
            A template with values in it is several words: its text up to the first ``${``, from ``}`` to the
            next, and so on.
        gap: what stands before it: nothing, a space or the end of a line.
        line: on which it begins, from 1.
        depth: brackets that are open around it.
    """

    text: str
    kind: str
    gap: str
    line: int
    depth: int


_GAP = re.compile(r"[ \t\n]+|//[^\n]*|/\*[\s\S]*?\*/")
_WORD = re.compile(
    r"""
      (?P<name> \#?[A-Za-z_$][A-Za-z_$0-9]* )
    | (?P<string> "(?:[^"\\\n]|\\[\s\S])*" | '(?:[^'\\\n]|\\[\s\S])*' )
    | (?P<number> (?: 0[xXbBoO][0-9A-Fa-f_]+
                    | (?: [0-9][0-9_]*\.?[0-9_]* | \.[0-9][0-9_]* ) (?:[eE][+-]?[0-9_]+)? ) n? (?![\w$]) )
    | (?P<mark> \+\+ | -- | => | \?\.(?![0-9]) | \.\.\. | [{}()\[\];,<>+\-*%&|^!~?:=.] )
    """,
    re.VERBOSE,
)
_TEMPLATE = re.compile(r"[`}](?:[^`\\$]|\\[\s\S]|\$(?!\{))*(?:`|\$\{)")
_PATTERN = re.compile(r"/(?![*/])(?:[^\\/\[\n]|\\[^\n]|\[(?:[^\]\\\n]|\\[^\n])*\])+/[a-z]*")

_CLOSES = {")": "(", "]": "[", "}": "{"}
_OPENS = set(_CLOSES.values())
_BEFORE_A_VALUE = {
    "return", "typeof", "instanceof", "in", "new", "delete", "void", "throw", "case", "do", "else", "await",
    "yield", "extends", "default",
}  # fmt: skip
_BEFORE_A_CONDITION = {"if", "while", "for", "with"}


def tokens_of(source: str, name: str) -> list[Token]:
    """The words of a module.

    Args:
        source: its text, with lines that end in ``\\n``.
        name: of its file, for errors.

    Raises:
        Unfamiliar: something in it is not surely understood.
    """
    return _Scanner(source, name).run()


def written(tokens: Sequence[Token]) -> str:
    """A script of these words, without what stood before the first."""
    return "".join(f"{each.gap if index else ''}{each.text}" for index, each in enumerate(tokens))


class _Scanner:
    def __init__(self, source: str, name: str) -> None:
        self._source = source
        self._name = name
        self._line = 1
        self._tokens: list[Token] = []
        # Brackets that are open, each with whether a condition stands in it: after `if (…)` a value begins.
        self._open: list[tuple[str, bool]] = []
        self._closed_a_condition = False

    def run(self) -> list[Token]:
        source, at, gap = self._source, 0, ""
        while at < len(source):
            if (space := _GAP.match(source, at)) is not None:
                gap = "\n" if "\n" in gap + space[0] else " "
                self._line += space[0].count("\n")
                at = space.end()
                continue
            text, kind = self._word(at)
            self._tokens.append(Token(text, kind, gap, self._line, self._nested(text, kind)))
            self._line += text.count("\n")
            at += len(text)
            gap = ""
        if self._open:
            raise self._unfamiliar(f"{self._open[-1][0]!r} is not closed")
        return self._tokens

    def _word(self, at: int) -> tuple[str, str]:
        first = self._source[at]
        if first == "`" or (first == "}" and self._open and self._open[-1][0] == "${"):
            found, kind = _TEMPLATE.match(self._source, at), "template"
        elif first == "/":
            if self._source.startswith("/*", at):
                raise self._unfamiliar("a comment is not closed")
            if not self._value_may_begin():
                return "/", "mark"
            found, kind = _PATTERN.match(self._source, at), "pattern"
        else:
            found = _WORD.match(self._source, at)
            kind = found.lastgroup or "" if found is not None else ""
        if found is None:
            raise self._unfamiliar(f"{self._source[at : at + 20]!r} is not understood")
        return found[0], kind

    def _nested(self, text: str, kind: str) -> int:
        """How deep a word stands among brackets, some of which it may open and close itself."""
        opened = self._open
        if kind == "template":
            if text[0] == "}":
                opened.pop()
            depth = len(opened)
            if text[-1] == "{":
                opened.append(("${", False))
            return depth
        if kind == "mark" and text in _CLOSES:
            if not opened or opened[-1][0] != _CLOSES[text]:
                raise self._unfamiliar(f"{text!r} closes nothing")
            self._closed_a_condition = opened.pop()[1]
        depth = len(opened)
        if kind == "mark" and text in _OPENS:
            opened.append((text, text == "(" and self._condition_may_begin()))
        return depth

    def _value_may_begin(self) -> bool:
        """Whether a slash begins a regular expression here, rather than divide what stands before it."""
        if not self._tokens:
            return True
        before = self._tokens[-1]
        if before.kind == "name":
            if before.text == "of" and not self._is_property(-1):
                raise self._unfamiliar("a slash after 'of' is not understood")
            return before.text in _BEFORE_A_VALUE and not self._is_property(-1)
        if before.kind == "template":
            return before.text.endswith("${")
        if before.kind != "mark":
            return False
        if before.text in ("}", "++", "--"):
            raise self._unfamiliar(f"a slash after {before.text!r} is not understood")
        return self._closed_a_condition if before.text == ")" else before.text != "]"

    def _condition_may_begin(self) -> bool:
        """Whether the bracket that opens here is that of `if (…)` and the like."""
        last = -2 if [each.text for each in self._tokens[-2:]] == ["for", "await"] else -1
        if len(self._tokens) < -last or self._is_property(last):
            return False
        return self._tokens[last].kind == "name" and self._tokens[last].text in _BEFORE_A_CONDITION

    def _is_property(self, index: int) -> bool:
        return len(self._tokens) > -index and self._tokens[index - 1].text in (".", "?.")

    def _unfamiliar(self, problem: str) -> Unfamiliar:
        return Unfamiliar(self._name, self._line, problem)
