"""Globs as regular expressions: the fast way, for every pattern that cannot make it slow.

Python's regular expressions backtrack. For the globs that people write that is harmless and decided in C; a few, such
as `*(*a)` or `*a*b*c*d*`, would try exponentially or unbearably many ways to match a path that does not, and a glob
comes from a user. `is_ambiguous` tells them apart, on the safe side.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from hathi.model.globs.syntax import NOT_SLASH, Choice, Part, Sequence, Text, Wild

_MANY_RUNS = 3
"""Runs that may stand side by side: the time grows with the path's length to this power, in the worst case."""


class Matcher:
    """Matches by one regular expression."""

    def __init__(self, tree: Sequence) -> None:
        self._regex = re.compile(to_regex(tree), re.DOTALL)
        self.groups = self._regex.groups

    def matches(self, path: str) -> bool:
        """Return whether the glob matches."""
        return self._regex.fullmatch(path) is not None

    def captures(self, path: str) -> tuple[str, ...] | None:
        """Return what each group captured, or None when the glob does not match."""
        found = self._regex.fullmatch(path)
        return None if found is None else found.groups(default="")


def literal_prefix(tree: Sequence) -> tuple[str, bool]:
    """Return what every match starts with, and whether that is all a match can be."""
    prefix = ""
    for part in tree.parts:
        if not isinstance(part, Text):
            return prefix, False
        prefix += part.text
    return prefix, True


def is_ambiguous(tree: Sequence) -> bool:
    """Return whether a path could be cut into the parts of the tree in so many ways that trying them takes too long."""
    if any(not _is_plain(choice) for choice in _choices(tree) if choice.kind in "*+"):
        return True
    runs, deep = 0, False
    for part in tree.parts:
        if isinstance(part, Text) and "/" in part.text and not deep:
            runs = 0
        runs += _runs(part)
        deep = deep or _crosses(part)
        if runs > _MANY_RUNS:
            return True
    return False


def to_regex(tree: Sequence) -> str:
    """Return the regular expression that, matched in full, accepts what the tree describes."""
    return _sequence(tree, last=True)


def _sequence(tree: Sequence, last: bool) -> str:
    final = len(tree.parts) - 1
    return "".join(_part(part, last and index == final) for index, part in enumerate(tree.parts))


def _part(part: Part, last: bool) -> str:
    """Translate one part; `last` says that nothing of the whole pattern follows it."""
    if isinstance(part, Text):
        return re.escape(part.text)
    if isinstance(part, Wild):
        return part.regex + "*" * part.many
    options = "(?:" + "|".join(_sequence(option, last) for option in part.options) + ")"
    match part.kind:
        case "{":
            return options
        case "@":
            return f"({options})"
        case "!":
            end = r"\Z" if last else ""
            return f"((?!{options}{end}){NOT_SLASH}*)"
        case repeat:
            return f"({options}{repeat})"


def _choices(tree: Sequence) -> Iterator[Choice]:
    for part in tree.parts:
        if isinstance(part, Choice):
            yield part
            for option in part.options:
                yield from _choices(option)


def _is_plain(repeated: Choice) -> bool:
    """Return whether what is repeated has one length, so that it can be repeated in one way only."""
    return len(repeated.options) == 1 and all(
        isinstance(part, Text) or (isinstance(part, Wild) and not part.many) for part in repeated.options[0].parts
    )


def _runs(part: Part) -> int:
    if isinstance(part, Choice):
        own = part.kind in "*+!"
        return own + sum(_runs(inner) for option in part.options for inner in option.parts)
    return int(isinstance(part, Wild) and part.many)


def _crosses(part: Part) -> bool:
    """Return whether a part whose match is not fixed can take a slash."""
    if isinstance(part, Text):
        return False
    if isinstance(part, Wild):
        return re.fullmatch(part.regex, "/") is not None
    inner = [inner for option in part.options for inner in option.parts]
    return any(_crosses(part) or (isinstance(part, Text) and "/" in part.text) for part in inner)
