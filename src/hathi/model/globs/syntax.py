"""How a glob is written: reads a pattern into a tree.

Reading is kept apart from matching, because what a group excludes depends on what follows it, which only the whole tree
tells. The package's own page describes the grammar.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from hathi.model.errors import InvalidError
from hathi.model.quoting import excerpt

_NAMED_CLASSES = {
    "alnum": r"0-9A-Za-z",
    "alpha": r"A-Za-z",
    "ascii": r"\x00-\x7f",
    "blank": r"\t ",
    "cntrl": r"\x00-\x1f\x7f",
    "digit": r"0-9",
    "graph": r"!-~",
    "lower": r"a-z",
    "print": r" -~",
    "punct": r"!-/:-@\[-`{-~",
    "space": r"\t\n\v\f\r ",
    "upper": r"A-Z",
    "word": r"0-9A-Za-z_",
    "xdigit": r"0-9A-Fa-f",
}


_SURROGATE = re.compile("[\ud800-\udfff]")
"""Half a character, as what is not UTF-8 is read; no path holds it, and no engine takes it."""


class GlobError(InvalidError):
    """A glob breaks the grammar or a limit.

    pattern: as given.
    place: the index in it where the trouble starts.
    problem: what is wrong.
    """

    def __init__(self, pattern: str, place: int, problem: str, *, whole: bool = False) -> None:
        where = "" if whole else f" at character {place + 1}"
        super().__init__(f'invalid glob "{excerpt(pattern)}": {problem}{where}')
        self.pattern = pattern
        self.place = place
        self.problem = problem


@dataclass(frozen=True, slots=True)
class Text:
    """These very characters."""

    text: str


@dataclass(frozen=True, slots=True)
class Wild:
    """A character that `regex` matches, or, when `many`, any run of such characters."""

    regex: str
    many: bool = False


@dataclass(frozen=True, slots=True)
class Choice:
    """One of several patterns.

    kind: "{" is not captured; "@" once, "?" at most once, "*" any number of times, "+" at least once, "!" none of them.
    """

    kind: str
    options: tuple[Sequence, ...]


@dataclass(frozen=True, slots=True)
class Sequence:
    """One part after the other."""

    parts: tuple[Part, ...]


Part = Text | Wild | Choice

NOT_SLASH = "[^/]"
ANYTHING = "."
ONE = Wild(NOT_SLASH)
RUN = Wild(NOT_SLASH, many=True)
DEEP_RUN = Wild(ANYTHING, many=True)

MAX_LENGTH = 8_192
"""Characters of a pattern; matching takes time in proportion to them. The longest path fits, each character quoted."""

_DEEPEST = 50
"""How deep groups may nest; patterns come from users, and what reads them is recursive."""


def parse(pattern: str, place: int = 0) -> Sequence:
    """Return the tree of `pattern` from index `place` on, or raise GlobError."""
    if len(pattern) > MAX_LENGTH:
        problem = f"it has {len(pattern):,} characters, and a glob may have {MAX_LENGTH:,}"
        raise GlobError(pattern, 0, problem, whole=True)
    if wrong := _SURROGATE.search(pattern):
        raise GlobError(pattern, wrong.start(), "not a valid character")
    reader = _Reader(pattern, place)
    tree = reader.sequence("")
    reader.expect_end()
    return tree


class _Reader:
    """Reads a pattern from left to right, one method for each thing that can stand in it."""

    def __init__(self, pattern: str, place: int) -> None:
        self._pattern = pattern
        self._place = place
        self._depth = 0

    def sequence(self, stops: str) -> Sequence:
        """Read parts up to one of the characters `stops`, a closing bracket, or the end."""
        parts: list[Part] = []
        while (character := self._peek()) and character not in stops and character not in ")}":
            parts.append(self._part(character))
        return Sequence(tuple(parts))

    def expect_end(self) -> None:
        if character := self._peek():
            raise self._error(f"{character} closes nothing (write \\{character} for the character itself)")

    def _part(self, character: str) -> Part:
        if character in "@?*+!" and self._peek(1) == "(":
            self._place += 1
            return self._choice(character, ")", "|")
        match character:
            case "(":
                return self._choice("@", ")", "|")
            case "{":
                return self._choice("{", "}", ",")
            case "[":
                return self._class()
            case "*":
                return self._stars()
            case "?":
                self._place += 1
                return ONE
            case _:
                return Text(self._character())

    def _stars(self) -> Wild:
        start = self._place
        while self._peek() == "*" and self._peek(1) != "(":
            self._place += 1
        return RUN if self._place - start == 1 else DEEP_RUN

    def _choice(self, kind: str, close: str, separator: str) -> Choice:
        start = self._place
        self._depth += 1
        if self._depth > _DEEPEST:
            raise self._error(f"groups nest too deeply (at most {_DEEPEST} deep)")
        options: list[Sequence] = []
        while not options or self._peek() == separator:
            self._place += 1
            options.append(self.sequence(separator))
        if self._peek() != close:
            raise self._error(f"{self._pattern[start]} is not closed by {close}", start)
        self._place += 1
        self._depth -= 1
        return Choice(kind, tuple(options))

    def _class(self) -> Wild:
        start = self._place
        self._place += 1
        negated = self._peek() in ("!", "^")
        self._place += negated
        items = ""
        while self._peek() != "]":
            if not self._peek():
                raise self._error("[ is not closed by ]", start)
            items += self._class_item()
        if not items:
            raise self._error("empty character class", start)
        self._place += 1
        return Wild(f"[{'^' if negated else ''}{items}]")

    def _class_item(self) -> str:
        start = self._place
        if self._pattern.startswith("[:", start):
            end = self._pattern.find(":]", start)
            name = self._pattern[start + 2 : end]
            if end < 0 or name not in _NAMED_CLASSES:
                raise self._error("unknown character class (known are " + ", ".join(sorted(_NAMED_CLASSES)) + ")")
            self._place = end + 2
            return _NAMED_CLASSES[name]
        low = self._character()
        if self._peek() != "-" or self._peek(1) in ("]", ""):
            return re.escape(low)
        self._place += 1
        high = self._character()
        if high < low:
            raise self._error(f"range {low}-{high} runs backwards", start)
        return f"{re.escape(low)}-{re.escape(high)}"

    def _character(self) -> str:
        """Read one character that stands for itself, with or without a backslash before it."""
        if self._peek() == "\\":
            if not self._peek(1):
                raise self._error("nothing follows the backslash")
            self._place += 1
        self._place += 1
        return self._pattern[self._place - 1]

    def _peek(self, ahead: int = 0) -> str:
        return self._pattern[self._place + ahead : self._place + ahead + 1]

    def _error(self, problem: str, place: int | None = None) -> GlobError:
        return GlobError(self._pattern, self._place if place is None else place, problem)
