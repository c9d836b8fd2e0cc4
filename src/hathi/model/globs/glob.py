"""A compiled glob, and what can be asked of it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Protocol

from hathi.model.globs import machine, regex, syntax
from hathi.model.globs.syntax import GlobError
from hathi.model.paths import ROOT, ancestors

_REFERENCE = re.compile(r"\$(?:(\$)|([0-9]+)|\{([0-9]+)\})")
_DIGITS = 6
"""Digits of a group's number; no glob is long enough to have more groups."""

_SPECIAL = re.compile(r"[*?\[\]{}()\\!@+^|,]")


class Matcher(Protocol):
    """Decides what a glob matches; a path is UTF-8 without a trailing slash, so the root is empty."""

    groups: int

    def matches(self, path: bytes) -> bool:
        """Return whether the glob matches."""
        ...

    def captures(self, path: bytes) -> tuple[str, ...] | None:
        """Return what each group captured, or None when the glob does not match."""
        ...


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
    _matcher: Matcher

    def match(self, path: str) -> bool:
        """Return whether the glob matches `path`."""
        return self._matcher.matches(_bare(path))

    def match_key(self, key: bytes) -> bool:
        """Return whether the glob matches a path that is given in UTF-8, with a slash behind when it is a directory."""
        return self._matcher.matches(key.removesuffix(b"/"))

    def captures(self, path: str) -> tuple[str, ...] | None:
        """Return what the groups captured ("" for one that took no part), or None when the glob does not match."""
        return self._matcher.captures(_bare(path))

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
            digits = (reference[2] or reference[3]).lstrip("0") or "0"
            number = int(digits) if len(digits) <= _DIGITS else len(values)
            return values[number] if number < len(values) else ""

        return _REFERENCE.sub(value, template)

    def matching_ancestors(self, path: str) -> Iterator[str]:
        """Yield the directories above `path`, from the root down, and `path` itself, as far as the glob matches them.

        When a file changes, these are the matches whose content changed with it.
        """
        return (place for place in (*ancestors(path), path) if self.match(place))


@lru_cache(maxsize=128)
def compile_glob(pattern: str) -> Glob:
    """Return the glob that `pattern` stands for, or raise GlobError naming the place where it goes wrong."""
    body = pattern.strip("/")
    if not body:
        return Glob(ROOT, ROOT, True, 0, regex.Matcher(syntax.Sequence(())))
    parts = syntax.parse(pattern.rstrip("/"), len(pattern) - len(pattern.lstrip("/"))).parts
    tree = syntax.Sequence((syntax.Text("/"), *parts))
    prefix, literal = regex.literal_prefix(tree)
    matcher = _matcher(pattern, tree)
    return Glob("/" + body, prefix, literal, matcher.groups, matcher)


def _matcher(pattern: str, tree: syntax.Sequence) -> Matcher:
    try:
        return machine.Matcher(tree) if regex.excludes(tree) else regex.Matcher(tree)
    except machine.TooLong as error:
        problem = f"a glob with !(..) may have {machine.MAX_STEPS:,} steps, and this one has {error.steps:,}"
        raise GlobError(pattern, 0, f"{problem}; make it shorter, or use several inputs", whole=True) from error
    except regex.TooLarge as error:
        raise GlobError(pattern, 0, "it takes too much memory; use fewer character classes", whole=True) from error


def quote(path: str) -> str:
    """Return the glob that matches `path` and nothing else."""
    return _SPECIAL.sub(r"\\\g<0>", path)


def _bare(path: str) -> bytes:
    return b"" if path == ROOT else path.encode(errors="replace")
