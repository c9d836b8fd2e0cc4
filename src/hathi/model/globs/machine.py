"""Globs with `!(..)` as automata: what is excluded is a question about the rest of the path, answered backwards.

A glob becomes a program of small instructions. For each place of the path, from its end to its start, the machine works
out the set of instructions from which the program can succeed there. That set follows from the next place's set and
one character, and whether an excluded pattern matches from here is just one of its members. So one pass decides a path,
however deep exclusions nest: its time is the length of the path times that of the program, and once the sets that
occur are known (they are kept, up to a limit) one look-up a character.

What the groups capture follows from the same sets: walking forwards, the first way that is known to succeed is the one
that a backtracking matcher would find.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import lru_cache

from hathi.model.globs.syntax import NOT_SLASH, Choice, Part, Sequence, Text, Wild

MAX_STEPS = 2_000
"""Longest program: with it the longest path takes about a second at worst, and the next ones less."""

_MAX_KNOWN = 4_096
"""Transitions that are remembered for one glob; when there are more, it starts afresh."""


@dataclass(frozen=True, slots=True)
class Take:
    """Take one character that is accepted. accepts: a regular expression of one character."""

    accepts: str


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
    """Go on only when what begins at instruction `entry`, which stands before this one, does not succeed from here."""

    entry: int


@dataclass(frozen=True, slots=True)
class Accept:
    """Succeed; `whole`: only at the end of the path."""

    whole: bool


@dataclass(frozen=True, slots=True)
class Jump:
    """Go on at an instruction."""

    target: int


Instruction = Take | Split | Mark | Refuse | Accept | Jump


@dataclass(slots=True)
class State:
    """What can succeed at a place: a bit for each instruction, and the states one character further left."""

    live: int
    before: dict[str, State] = field(default_factory=dict)


class TooLong(Exception):
    """A glob needs a program of more than MAX_STEPS instructions. `steps`: how many."""

    def __init__(self, steps: int) -> None:
        super().__init__(f"{steps} steps")
        self.steps = steps


class Matcher:
    """Matches by running a program. Safe to share between threads: what they write to is a memory only."""

    def __init__(self, tree: Sequence) -> None:
        writer = _Writer()
        self._entry = writer.program(tree, last=True)
        self._program = tuple(writer.instructions)
        if len(self._program) > MAX_STEPS:
            raise TooLong(len(self._program))
        self.groups = writer.groups
        self._causes = _causes(self._program)
        self._parts = [(bits, _refusals(self._program, bits)) for bits in writer.parts]
        self._takes = _takes(self._program)
        self._end = self._closed(_bits(self._program, lambda step: isinstance(step, Accept)))
        self._always = _bits(self._program, lambda step: isinstance(step, Accept) and not step.whole)
        self._taking = lru_cache(maxsize=1_024)(self._taking_uncached)
        self._states: dict[int, State] = {}
        self._known = 0

    def matches(self, path: bytes) -> bool:
        """Return whether the glob matches."""
        return self._accepts(self._live_at(path.decode(errors="replace"))[-1])

    def captures(self, path: bytes) -> tuple[str, ...] | None:
        """Return what each group captured, or None when the glob does not match."""
        text = path.decode(errors="replace")
        live = self._live_at(text)
        if not self._accepts(live[-1]):
            return None
        marks = self._walk(text, live)
        return tuple(text[marks.get(2 * n, 0) : marks.get(2 * n + 1, 0)] for n in range(self.groups))

    def _accepts(self, live: int) -> bool:
        return bool(live >> self._entry & 1)

    def _live_at(self, text: str) -> list[int]:
        """Return what can succeed at each place of the path, the end first."""
        state = self._state(self._end)
        found = [state.live]
        for character in reversed(text):
            before = state.before.get(character)
            if before is None:
                before = self._before(state, character)
            state = before
            found.append(state.live)
        return found

    def _before(self, after: State, character: str) -> State:
        """Return the state one place further left, and remember it."""
        state = self._state(self._closed(self._always | (after.live >> 1 & self._taking(character))))
        self._known += 1
        if self._known > _MAX_KNOWN:
            self._known, self._states = 0, {}
            return self._state(state.live)
        after.before[character] = state
        return state

    def _state(self, live: int) -> State:
        state = self._states.get(live)
        if state is None:
            state = self._states[live] = State(live)
        return state

    def _closed(self, live: int) -> int:
        """Return `live` with every instruction that leads to one of it without taking a character.

        What is excluded is a part of the program that stands before the one that excludes it. So, going through the
        parts in order, whether it succeeds is settled when somebody asks.
        """
        for bits, refusals in self._parts:
            refused = sum(1 << at for at, entry in refusals if live >> entry & 1)
            fresh = live & bits
            while fresh:
                lowest = fresh & -fresh
                fresh ^= lowest
                causes = self._causes[lowest.bit_length() - 1] & ~live & ~refused
                live |= causes
                fresh |= causes
        return live

    def _taking_uncached(self, character: str) -> int:
        """Return the instructions that take a character."""
        return sum(bits for accepts, bits in self._takes if accepts(character))

    def _walk(self, text: str, live: list[int]) -> dict[int, int]:
        """Return the marks of the first way to succeed, which never comes to one instruction twice at one place."""
        marks: dict[int, int] = {}
        at = self._entry
        for place in range(len(text) + 1):
            at, set_here = self._within(at, live[len(text) - place])
            marks.update(dict.fromkeys(set_here, place))
            if isinstance(self._program[at], Accept):
                break
            at += 1
        return marks

    def _within(self, start: int, live: int) -> tuple[int, tuple[int, ...]]:
        """Return the next instruction that takes a character or accepts, and the slots marked on the way to it."""
        waiting: list[tuple[int, tuple[int, ...]]] = [(start, ())]
        seen = 0
        while True:
            at, slots = waiting.pop()
            if seen >> at & 1 or not live >> at & 1:
                continue
            seen |= 1 << at
            match self._program[at]:
                case Split(targets):
                    waiting.extend((target, slots) for target in reversed(targets))
                case Jump(target):
                    waiting.append((target, slots))
                case Mark(slot):
                    waiting.append((at + 1, (*slots, slot)))
                case Refuse():
                    waiting.append((at + 1, slots))
                case _:
                    return at, slots


def _bits(program: tuple[Instruction, ...], chosen: Callable[[Instruction], bool]) -> int:
    return sum(1 << at for at, step in enumerate(program) if chosen(step))


def _causes(program: tuple[Instruction, ...]) -> list[int]:
    """Return, for each instruction, those that come to it without taking a character."""
    causes = [0] * len(program)
    for at, step in enumerate(program):
        match step:
            case Split(targets):
                for target in targets:
                    causes[target] |= 1 << at
            case Jump(target):
                causes[target] |= 1 << at
            case Mark() | Refuse():
                causes[at + 1] |= 1 << at
    return causes


def _refusals(program: tuple[Instruction, ...], bits: int) -> list[tuple[int, int]]:
    """Return where a part of the program excludes something, and where what is excluded begins."""
    return [(at, step.entry) for at, step in enumerate(program) if isinstance(step, Refuse) and bits >> at & 1]


def _takes(program: tuple[Instruction, ...]) -> list[tuple[Callable[[str], object], int]]:
    """Return each test of a character that occurs, and the instructions that make it."""
    bits: dict[str, int] = {}
    for at, step in enumerate(program):
        if isinstance(step, Take):
            bits[step.accepts] = bits.get(step.accepts, 0) | 1 << at
    return [(re.compile(accepts, re.DOTALL).fullmatch, each) for accepts, each in bits.items()]


class _Writer:
    """Writes the program for a tree, in parts: what is excluded stands before the part that excludes it.

    parts: the instructions of each part, as bits.
    """

    def __init__(self) -> None:
        self.groups = 0
        self.instructions: list[Instruction] = []
        self.parts: list[int] = []

    def program(self, tree: Sequence, last: bool) -> int:
        """Write a program of its own and return where it begins."""
        return self._separate(lambda body: body.sequence(tree, last), whole=last)

    def _separate(self, write: Callable[[_Body], None], whole: bool) -> int:
        body = _Body(self)
        write(body)
        offset = len(self.instructions)
        self.instructions += [_moved(step, offset) for step in (*body.steps, Accept(whole))]
        self.parts.append((1 << len(self.instructions)) - (1 << offset))
        return offset

    def exclusion(self, part: Choice, last: bool) -> Refuse:
        """Write what is excluded, and return the instruction that excludes it."""
        return Refuse(self._separate(lambda body: body.options(part, last), whole=last))


def _moved(step: Instruction, offset: int) -> Instruction:
    """Return an instruction as it reads in a program that begins at `offset`; exclusions have their place already."""
    if isinstance(step, Split):
        return Split(tuple(target + offset for target in step.targets))
    return Jump(step.target + offset) if isinstance(step, Jump) else step


class _Body:
    """The instructions of one program, counted from its own beginning."""

    def __init__(self, writer: _Writer) -> None:
        self.steps: list[Instruction] = []
        self._writer = writer

    def sequence(self, tree: Sequence, last: bool) -> None:
        final = len(tree.parts) - 1
        for index, part in enumerate(tree.parts):
            self._part(part, last and index == final)

    def options(self, part: Choice, last: bool) -> None:
        """Write the options of a group, of which one is taken, an earlier one rather than a later."""
        bodies = [lambda option=option: self.sequence(option, last) for option in part.options]
        self._either(bodies[0], *bodies[1:])

    def _part(self, part: Part, last: bool) -> None:
        if isinstance(part, Text):
            self.steps.extend(Take(re.escape(character)) for character in part.text)
        elif isinstance(part, Wild):
            take = Take(part.regex)
            if part.many:
                self._repeat(lambda: self.steps.append(take))
            else:
                self.steps.append(take)
        elif part.kind == "{":
            self.options(part, last)
        else:
            group = self._writer.groups
            self._writer.groups += 1
            self.steps.append(Mark(2 * group))
            self._group(part, last)
            self.steps.append(Mark(2 * group + 1))

    def _group(self, part: Choice, last: bool) -> None:
        match part.kind:
            case "@":
                self.options(part, last)
            case "?":
                self._either(lambda: self.options(part, last), lambda: None)
            case "*":
                self._repeat(lambda: self.options(part, last))
            case "+":
                begin = len(self.steps)
                self.options(part, last)
                self.steps.append(Split((begin, len(self.steps) + 1)))
            case _:
                self.steps.append(self._writer.exclusion(part, last))
                self._part(Wild(NOT_SLASH, many=True), last=False)

    def _repeat(self, body: Callable[[], None]) -> None:
        """Write `body` so that it runs any number of times, rather more than fewer."""
        fork = self._reserve()
        body()
        self.steps.append(Jump(fork))
        self.steps[fork] = Split((fork + 1, len(self.steps)))

    def _either(self, first: Callable[[], None], *others: Callable[[], None]) -> None:
        """Write bodies of which one runs, an earlier one rather than a later."""
        fork = self._reserve()
        begins, exits = [], []
        for body in (first, *others):
            begins.append(len(self.steps))
            body()
            exits.append(self._reserve())
        self.steps[fork] = Split(tuple(begins))
        for exit in exits:
            self.steps[exit] = Jump(len(self.steps))

    def _reserve(self) -> int:
        self.steps.append(Jump(-1))
        return len(self.steps) - 1
