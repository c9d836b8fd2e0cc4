"""Globs as programs for a small machine: the safe way, for patterns that regular expressions could choke on.

The machine tries alternatives in the order a regular expression would, and so captures the same. But it never stands
twice at the same instruction and the same place of the path: what failed once fails again. Its time is therefore
bounded by the length of the program times that of the path, once for each `!(..)` and place it is tried at.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

from hathi.model.globs.syntax import NOT_SLASH, Choice, Part, Sequence, Text, Wild


@dataclass(frozen=True, slots=True)
class Take:
    """Take one character that is accepted."""

    accepts: Callable[[str], object]


@dataclass(frozen=True, slots=True)
class Split:
    """Go on at any of these instructions, trying them in order."""

    targets: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Mark:
    """Remember the place: slot 2n is where group n begins, 2n + 1 where it ends."""

    slot: int


@dataclass(frozen=True, slots=True)
class Refuse:
    """Go on only when another program accepts nothing from here; `whole`: nothing that reaches the end."""

    program: tuple[Instruction, ...]
    whole: bool


@dataclass(frozen=True, slots=True)
class Accept:
    """The end of a program."""


Instruction = Take | Split | Mark | Refuse | Accept


class Matcher:
    """Matches by running a program."""

    def __init__(self, tree: Sequence) -> None:
        writer = _Writer()
        writer.sequence(tree, last=True)
        self._program = writer.finished()
        self.groups = writer.groups

    def matches(self, path: str) -> bool:
        """Return whether the glob matches."""
        return _run(self._program, path, 0, whole=True) is not None

    def captures(self, path: str) -> tuple[str, ...] | None:
        """Return what each group captured, or None when the glob does not match."""
        marks = _run(self._program, path, 0, whole=True)
        if marks is None:
            return None
        return tuple(path[marks.get(2 * n, 0) : marks.get(2 * n + 1, 0)] for n in range(self.groups))


def _run(program: tuple[Instruction, ...], path: str, start: int, whole: bool) -> dict[int, int] | None:
    """Return the marks of the first way in which `program` accepts `path` from `start` on, or None."""
    waiting: list[tuple[int, int, dict[int, int]]] = [(0, start, {})]
    seen: set[tuple[int, int]] = set()
    while waiting:
        at, place, marks = waiting.pop()
        if (at, place) in seen:
            continue
        seen.add((at, place))
        match program[at]:
            case Take(accepts):
                if place < len(path) and accepts(path[place]):
                    waiting.append((at + 1, place + 1, marks))
            case Split(targets):
                waiting.extend((target, place, marks) for target in reversed(targets))
            case Mark(slot):
                waiting.append((at + 1, place, {**marks, slot: place}))
            case Refuse(excluded, to_the_end):
                if _run(excluded, path, place, to_the_end) is None:
                    waiting.append((at + 1, place, marks))
            case Accept():
                if place == len(path) or not whole:
                    return marks
    return None


class _Writer:
    """Writes the program for a tree, instruction after instruction."""

    def __init__(self, groups: int = 0) -> None:
        self.groups = groups
        self._program: list[Instruction] = []

    def finished(self) -> tuple[Instruction, ...]:
        return (*self._program, Accept())

    def sequence(self, tree: Sequence, last: bool) -> None:
        final = len(tree.parts) - 1
        for index, part in enumerate(tree.parts):
            self._part(part, last and index == final)

    def _part(self, part: Part, last: bool) -> None:
        if isinstance(part, Text):
            self._program.extend(Take(character.__eq__) for character in part.text)
        elif isinstance(part, Wild):
            take = Take(re.compile(part.regex, re.DOTALL).fullmatch)
            if part.many:
                self._repeat(lambda: self._program.append(take))
            else:
                self._program.append(take)
        elif part.kind == "{":
            self._options(part, last)
        else:
            group = self.groups
            self.groups += 1
            self._program.append(Mark(2 * group))
            self._group(part, last)
            self._program.append(Mark(2 * group + 1))

    def _group(self, part: Choice, last: bool) -> None:
        match part.kind:
            case "@":
                self._options(part, last)
            case "?":
                self._either(lambda: self._options(part, last), lambda: None)
            case "*":
                self._repeat(lambda: self._options(part, last))
            case "+":
                begin = len(self._program)
                self._options(part, last)
                self._program.append(Split((begin, len(self._program) + 1)))
            case _:
                inner = _Writer(self.groups)
                inner._options(part, last)
                self.groups = inner.groups
                self._program.append(Refuse(inner.finished(), whole=last))
                self._part(Wild(NOT_SLASH, many=True), last=False)

    def _repeat(self, body: Callable[[], None]) -> None:
        """Write `body` so that it runs any number of times, rather more than fewer."""
        fork = self._reserve()
        body()
        self._program.append(Split((fork,)))
        self._program[fork] = Split((fork + 1, len(self._program)))

    def _either(self, first: Callable[[], None], *others: Callable[[], None]) -> None:
        """Write bodies of which one runs, an earlier one rather than a later."""
        fork = self._reserve()
        begins, exits = [], []
        for body in (first, *others):
            begins.append(len(self._program))
            body()
            exits.append(self._reserve())
        self._program[fork] = Split(tuple(begins))
        for exit in exits:
            self._program[exit] = Split((len(self._program),))

    def _options(self, part: Choice, last: bool) -> None:
        bodies = [lambda option=option: self.sequence(option, last) for option in part.options]
        self._either(bodies[0], *bodies[1:])

    def _reserve(self) -> int:
        self._program.append(Accept())
        return len(self._program) - 1
