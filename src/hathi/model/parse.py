"""The text forms in which people name things, such as `images@master^2:/a.png`.

A text reference is cut at the first `@`, the rest at its first `:`, what stands before that at its first `=`. Whatever
is no legal branch name, because it is a commit id or carries ancestry, points at a commit. Nothing is looked up here:
that `master^2` exists is for `versioning` to find out.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from hathi.model import ids, names
from hathi.model.errors import InvalidError
from hathi.model.quoting import excerpt
from hathi.model.references import DEFAULT_PROJECT, USER, Branch, CommitSpec, Job, Pipeline, Repo

_SUFFIX = re.compile(r"[~^.]")

_MAX_DIGITS = 9
"""Digits of a number of commits; no branch has more."""


@dataclass(frozen=True, slots=True)
class FileSpec:
    """How a request points at a file or at files.

    path: as typed, a glob perhaps, "" when none was given.
    """

    commit: CommitSpec
    path: str

    def __str__(self) -> str:
        return f"{self.commit}:{self.path}"


@dataclass(frozen=True, slots=True)
class Ancestry:
    """A starting point and how far to walk from it along parents.

    name: branch name or commit-set id.
    back: how many parents to go back (0: the starting point itself).
    root: when given, the commit is counted from the oldest one of the branch instead: 1 is the oldest.
    """

    name: str
    back: int = 0
    root: int | None = None

    def __str__(self) -> str:
        if self.root is not None:
            return f"{self.name}.{self.root}"
        return f"{self.name}^{self.back}" if self.back else self.name


def parse_ancestry(text: str) -> Ancestry:
    """Read `master`, `master^`, `master^^`, `master^2`, `master~2` or `master.1`, or raise InvalidError."""
    found = _SUFFIX.search(text)
    if not found:
        return Ancestry(text)
    name, suffix, mark = text[: found.start()], text[found.start() :], found[0]
    if not name:
        raise InvalidError(f'invalid ancestry syntax "{excerpt(text)}": no branch or commit before {mark}')
    marks = sorted(set(_SUFFIX.findall(suffix)))
    if len(marks) > 1:
        raise InvalidError(f'invalid ancestry syntax "{excerpt(text)}": cannot mix {" and ".join(marks)} characters')
    if mark == ".":
        return Ancestry(name, root=_number(text, suffix[1:]))
    if suffix == mark * len(suffix):
        return Ancestry(name, back=len(suffix))
    return Ancestry(name, back=_number(text, suffix[1:]))


def parse_repo(text: str, project: str = DEFAULT_PROJECT) -> Repo:
    """Read `name` or `name.type`, or raise InvalidError."""
    if "@" in text:
        raise InvalidError(f'invalid format "{excerpt(text)}": expected only a repo, without @')
    return _repo(text, text, project)


def parse_branch(text: str, project: str = DEFAULT_PROJECT) -> Branch:
    """Read `repo@branch`, or raise InvalidError; neither a commit nor a path may follow."""
    parts = _Parts.of(text, project)
    if parts.path is not None:
        raise InvalidError(f'invalid format "{excerpt(text)}": a branch has no path (expected repo@branch)')
    parts.check_point()
    if parts.commit or ids.is_id(parts.branch):
        raise InvalidError(f'invalid format "{excerpt(text)}": expected a branch, not a commit (repo@branch)')
    if not parts.branch:
        raise InvalidError(f'invalid format "{excerpt(text)}": branch cannot be empty (expected repo@branch)')
    return Branch(parts.repo, parts.branch)


def parse_commit(text: str, project: str = DEFAULT_PROJECT, *, bare: bool = False) -> CommitSpec:
    """Read `repo@branch`, `repo@commit` or `repo@branch=commit`, or raise InvalidError.

    bare: whether a repo alone will do; branch and id of the result are empty then.
    """
    parts = _Parts.of(text, project)
    if parts.path is not None:
        raise InvalidError(f'invalid format "{excerpt(text)}": a commit has no path (expected repo@branch-or-commit)')
    if not (bare and "@" not in text):
        parts.require_point()
    return parts.spec()


def parse_file(text: str, project: str = DEFAULT_PROJECT) -> FileSpec:
    """Read `repo@branch-or-commit` with or without `:path`, or raise InvalidError."""
    parts = _Parts.of(text, project)
    parts.require_point()
    return FileSpec(parts.spec(), parts.path or "")


def parse_job(text: str, project: str = DEFAULT_PROJECT) -> Job:
    """Read `pipeline@job`, or raise InvalidError."""
    name, at, id = text.partition("@")
    if not at or not name or not id:
        raise InvalidError(f'invalid format "{excerpt(text)}": expected pipeline@job')
    names.check_pipeline(name)
    if not ids.is_id(id):
        raise InvalidError(f'invalid format "{excerpt(text)}": "{excerpt(id)}" is not a job id (32 hex digits)')
    return Job(Pipeline(project, name), ids.CommitSetId(id))


@dataclass(frozen=True, slots=True)
class _Parts:
    """A text reference, cut but not yet judged. `path` is None when no colon was typed."""

    text: str
    repo: Repo
    branch: str
    commit: str
    path: str | None

    @staticmethod
    def of(text: str, project: str) -> _Parts:
        head, _, rest = text.partition("@")
        point, colon, path = rest.partition(":")
        branch, equals, commit = point.partition("=")
        if equals and not (branch and commit):
            raise InvalidError(f'invalid format "{excerpt(text)}": expected repo@branch=commit')
        if not equals and branch and not names.is_branch_name(branch):
            branch, commit = "", branch
        return _Parts(text, _repo(text, head, project), branch, commit, path if colon else None)

    def require_point(self) -> None:
        if not (self.branch or self.commit):
            expected = f"{self.repo.name}@X"
            raise InvalidError(
                f'invalid format "{excerpt(self.text)}": no branch or commit given (expected {expected})'
            )

    def check_point(self) -> None:
        """Refuse what can name neither a branch nor a commit: what was meant as a branch is then misspelt."""
        if self.branch:
            names.check_branch(self.branch)
        if self.commit:
            start = parse_ancestry(self.commit).name
            if not names.is_name(start):
                names.check_branch(start)

    def spec(self) -> CommitSpec:
        self.check_point()
        return CommitSpec(self.repo, self.branch, self.commit)


def _repo(text: str, head: str, project: str) -> Repo:
    name, dot, kind = head.partition(".")
    if not name:
        raise InvalidError(f'invalid format "{excerpt(text)}": repo cannot be empty')
    names.check_repo(name, kind if dot else USER)
    return Repo(project, name, kind if dot else USER)


def _number(text: str, digits: str) -> int:
    if not re.fullmatch(r"[0-9]+", digits):
        raise InvalidError(f'invalid ancestry syntax "{excerpt(text)}": "{excerpt(digits)}" is not a number')
    if len(digits) > _MAX_DIGITS:
        raise InvalidError(f'invalid ancestry syntax "{excerpt(text)}": a number may have {_MAX_DIGITS} digits')
    return int(digits)
