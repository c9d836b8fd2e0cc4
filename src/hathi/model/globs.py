"""Globs: patterns that say which files of a repo are meant, and what of their names is worth keeping.

The grammar is that of the original's library, ohmyglob, with `/` as the separator:

    *  **          any run of characters without, with a slash
    ?              one character other than a slash
    [abc] [a-z]    one of these characters; [!a] or [^a] one that is not; [[:alpha:]] a POSIX class
    {a,b}          one of several patterns
    (a|b)  @(a|b)  one of several patterns, captured
    ?(..) *(..) +(..)   captured, at most once, any number of times, at least once
    !(a|b)         captured, anything within one path segment that is none of these
    \\c             the character c itself

A glob is matched against a whole clean path; a leading slash may be left out, and a directory is matched by its path
without the trailing slash. The root is matched by `/` alone. Groups are numbered from 1 by their opening parenthesis.

`!(..)` excludes exact names only where the pattern ends with it; where something follows, nothing may begin with what
is excluded: `/!(tmp)` matches `/tmpfile`, `/!(tmp)*` does not.

A glob is read by `model.glob_syntax` and becomes one regular expression; what matches is decided in C.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

from hathi.model import glob_syntax
from hathi.model.glob_syntax import GlobError
from hathi.model.paths import ROOT, ancestors

__all__ = ["Glob", "GlobError", "compile_glob", "quote"]

_REFERENCE = re.compile(r"\$(?:(\$)|(\d+)|\{(\d+)\})")
_SPECIAL = re.compile(r"[*?\[\]{}()\\!@+^|,]")


@dataclass(frozen=True, slots=True)
class Glob:
    """A compiled glob. Made by `compile_glob`; every method takes a clean path.

    pattern: the pattern, with its leading slash and without a trailing one.
    literal_prefix: what every matching path starts with; the whole path when `is_literal`.
    is_literal: whether the pattern matches exactly one path.
    groups: how many groups it captures.
    """

    pattern: str
    literal_prefix: str
    is_literal: bool
    groups: int
    _regex: re.Pattern[str]

    def match(self, path: str) -> bool:
        """Return whether the glob matches `path`."""
        return self._match(path) is not None

    def captures(self, path: str) -> tuple[str, ...] | None:
        """Return what the groups captured ("" for one that took no part), or None when the glob does not match."""
        found = self._match(path)
        return None if found is None else found.groups(default="")

    def expand(self, template: str, path: str) -> str:
        """Return `template` with what the groups captured in `path` put in; join_on and group_by keys are made so.

        `$1` or `${1}` is the first group, `$0` the whole path, `$$` a dollar sign, a group that does not exist nothing;
        every other character stands for itself. Raises ValueError when the glob does not match `path`.
        """
        captured = self.captures(path)
        if captured is None:
            raise ValueError(f"glob {self.pattern} does not match {path}")
        values = (path, *captured)

        def value(reference: re.Match[str]) -> str:
            if reference[1]:
                return "$"
            number = int(reference[2] or reference[3])
            return values[number] if number < len(values) else ""

        return _REFERENCE.sub(value, template)

    def matching_ancestors(self, path: str) -> Iterator[str]:
        """Yield the directories above `path`, from the root down, and `path` itself, as far as the glob matches them.

        When a file changes, these are the matches whose content changed with it.
        """
        return (place for place in (*ancestors(path), path) if self.match(place))

    def _match(self, path: str) -> re.Match[str] | None:
        return self._regex.fullmatch("" if path == ROOT else path)


@lru_cache(maxsize=512)
def compile_glob(pattern: str) -> Glob:
    """Return the glob that `pattern` stands for, or raise GlobError naming the place where it goes wrong."""
    body = pattern.strip("/")
    if not body:
        return Glob(ROOT, ROOT, True, 0, re.compile(""))
    tree = glob_syntax.parse(pattern.rstrip("/"), len(pattern) - len(pattern.lstrip("/")))
    prefix, literal = glob_syntax.literal_prefix(tree)
    regex = re.compile("/" + glob_syntax.to_regex(tree), re.DOTALL)
    return Glob("/" + body, "/" + prefix, literal, regex.groups, regex)


def quote(path: str) -> str:
    """Return the glob that matches `path` and nothing else."""
    return _SPECIAL.sub(r"\\\g<0>", path)
