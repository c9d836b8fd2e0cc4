"""Globs as regular expressions, for every glob without `!(..)`.

RE2 matches in time linear in the path whatever the pattern, where Python's own `re` backtracks and can be made to try
exponentially many ways; a glob comes from a user. While it works, other threads run. It works on UTF-8, which is what
keys of trees are.

For the globs that nearly everybody writes, such as `/*/*.png`, a call of RE2 takes ten times what `re` does, and there
is only one way to match them. `has_one_way` tells these apart.
"""

from __future__ import annotations

import re
from functools import cached_property

import re2

from hathi.model.globs.syntax import DEEP_RUN, RUN, Choice, Part, Sequence, Text, Wild

_MEMORY = 1 << 20
"""Bytes that one compiled expression and its states may take; with less than it would like, RE2 is a bit slower."""


class TooLarge(Exception):
    """A glob needs more memory than one may take."""


class Matcher:
    """Matches by one regular expression."""

    def __init__(self, tree: Sequence) -> None:
        self._expression = to_regex(tree)
        if has_one_way(tree):
            self._matching = re.compile(self._expression.encode(), re.DOTALL)
        else:
            # Without groups RE2 need not track positions, which makes it several times faster.
            self._matching = _compiled(self._expression, captures=False)
        self.groups = _groups(tree)

    def matches(self, path: bytes) -> bool:
        """Return whether the glob matches."""
        return self._matching.fullmatch(path) is not None

    def captures(self, path: bytes) -> tuple[str, ...] | None:
        """Return what each group captured, or None when the glob does not match."""
        found = self._capturing.fullmatch(path)
        return None if found is None else tuple(group.decode() for group in found.groups(default=b""))

    @cached_property
    def _capturing(self) -> re2._Regexp:
        return _compiled(self._expression, captures=True)


def literal_prefix(tree: Sequence) -> tuple[str, bool]:
    """Return what every match starts with, and whether that is all a match can be."""
    prefix = ""
    for part in tree.parts:
        if not isinstance(part, Text):
            return prefix, False
        prefix += part.text
    return prefix, True


def excludes(tree: Sequence) -> bool:
    """Return whether a `!(..)` stands anywhere in the tree, so that no regular expression can say what it means."""
    choices = [part for part in tree.parts if isinstance(part, Choice)]
    return any(choice.kind == "!" or any(map(excludes, choice.options)) for choice in choices)


def has_one_way(tree: Sequence) -> bool:
    """Return whether a path can be cut into the parts of the tree in one way only, so that no time is lost trying.

    So it is when a glob is text and stars, with one star between two slashes and `**` for the last: a star ends where
    its segment does, less the text behind it.
    """
    stars = 0
    deep = False
    for part in tree.parts:
        if isinstance(part, Text):
            stars = 0 if "/" in part.text and not deep else stars
        elif part in (RUN, DEEP_RUN):
            stars += 1
            deep = deep or part == DEEP_RUN
        else:
            return False
        if stars > 1:
            return False
    return True


def to_regex(tree: Sequence) -> str:
    """Return the regular expression that, matched in full, accepts what the tree describes; it has no `!(..)`."""
    return "".join(map(_part, tree.parts))


def _part(part: Part) -> str:
    if isinstance(part, Text):
        return re.escape(part.text)
    if isinstance(part, Wild):
        return part.regex + "*" * part.many
    options = "(?:" + "|".join(map(to_regex, part.options)) + ")"
    match part.kind:
        case "{":
            return options
        case "@":
            return f"({options})"
        case "!":
            raise ValueError("regular expressions cannot exclude")
        case repeat:
            return f"({options}{repeat})"


def _groups(tree: Sequence) -> int:
    choices = [part for part in tree.parts if isinstance(part, Choice)]
    return sum((choice.kind != "{") + sum(map(_groups, choice.options)) for choice in choices)


def _compiled(expression: str, *, captures: bool) -> re2._Regexp:
    options = re2.Options()
    options.max_mem = _MEMORY
    options.dot_nl = True
    options.never_capture = not captures
    options.log_errors = False
    try:
        return re2.compile(expression.encode(), options)
    except re2.error as error:
        raise TooLarge(str(error)) from error
