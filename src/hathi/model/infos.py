"""What the system tells about repos, branches, commits and files: plain values, filled by `versioning`.

Times are timezone-aware datetimes in UTC; sizes are bytes; None means "not known yet" or "not asked for".
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from enum import Enum

from hathi.model.references import Branch, Commit, Repo


class Origin(Enum):
    """Why a commit exists; the numbers are the protocol's."""

    USER = 1
    AUTO = 2
    FSCK = 3


class CommitState(Enum):
    """How far a commit has come; the numbers are the protocol's."""

    STARTED = 1
    READY = 2
    FINISHING = 3
    FINISHED = 4


class FileType(Enum):
    """What a path names; the numbers are the protocol's."""

    FILE = 1
    DIR = 2


@dataclass(frozen=True, slots=True)
class ProjectInfo:
    """A project."""

    name: str
    description: str
    created: datetime


@dataclass(frozen=True, slots=True)
class RepoInfo:
    """A repo. `size` is the exact size of the head of master, `size_upper_bound` a figure that is free to compute."""

    repo: Repo
    description: str
    created: datetime
    size_upper_bound: int
    size: int | None = None
    branches: tuple[Branch, ...] = ()


@dataclass(frozen=True, slots=True)
class Trigger:
    """When a branch moves to the head of the branch it watches; see semantics of Pachyderm triggers."""

    branch: str = ""
    all: bool = False
    size: str = ""
    commits: int = 0
    rate_limit_spec: str = ""
    cron_spec: str = ""


@dataclass(frozen=True, slots=True)
class BranchInfo:
    """A branch with its place in the provenance graph."""

    branch: Branch
    head: Commit
    direct_provenance: tuple[Branch, ...] = ()
    provenance: tuple[Branch, ...] = ()
    subvenance: tuple[Branch, ...] = ()
    trigger: Trigger | None = None
    created: datetime | None = None
    created_by: str = ""


@dataclass(frozen=True, slots=True)
class CommitInfo:
    """A commit. `branch` is the name it was made on, which is informational ("" when that branch is gone)."""

    commit: Commit
    branch: str
    origin: Origin
    description: str
    parent: Commit | None
    children: tuple[Commit, ...]
    started: datetime
    finishing: datetime | None
    finished: datetime | None
    direct_provenance: tuple[Commit, ...]
    error: str
    size_upper_bound: int
    size: int | None = None
    created_by: str = ""

    @property
    def open(self) -> bool:
        """Whether it can still be written to."""
        return self.finishing is None


@dataclass(frozen=True, slots=True)
class CommitSetInfo:
    """The commits that one change caused, oldest first."""

    id: str
    commits: tuple[CommitInfo, ...] = field(default=())


@dataclass(frozen=True, slots=True)
class FileInfo:
    """A file or directory in a commit. A directory's size is the sum below it, its hash covers all below it."""

    commit: Commit
    path: str
    type: FileType
    size: int
    hash: bytes
    committed: datetime | None
