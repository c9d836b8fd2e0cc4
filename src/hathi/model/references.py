"""What things are called: projects, repos, branches, commits and files, and the text forms people type.

A value of these types is an exact name. What a person or a request gives, such as `images@master^2:/a.png`, may need
the state of the system to be resolved; that is a `CommitSpec`, and only `versioning` can turn it into a `Commit`.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from hathi.model.ids import CommitSetId

DEFAULT_PROJECT = "default"
USER = "user"
SPEC = "spec"
META = "meta"


@dataclass(frozen=True, slots=True, order=True)
class Repo:
    """A repo's exact name. `type` is `user`, `spec` or `meta`; the latter two belong to the pipeline of that name."""

    project: str
    name: str
    type: str = USER

    def __str__(self) -> str:
        kind = "" if self.type == USER else f".{self.type}"
        return f"{self.project}/{self.name}{kind}"

    def with_type(self, kind: str) -> Repo:
        """Return the sibling repo of another type."""
        return replace(self, type=kind)

    def branch(self, name: str) -> Branch:
        """Return the branch of this repo with that name."""
        return Branch(self, name)

    def commit(self, id: str) -> Commit:
        """Return the commit of this repo in the commit set `id`."""
        return Commit(self, CommitSetId(id))


@dataclass(frozen=True, slots=True, order=True)
class Branch:
    """A branch's exact name."""

    repo: Repo
    name: str

    def __str__(self) -> str:
        return f"{self.repo}@{self.name}"


@dataclass(frozen=True, slots=True, order=True)
class Commit:
    """A commit's exact name: at most one commit of a repo belongs to a commit set."""

    repo: Repo
    id: CommitSetId

    def __str__(self) -> str:
        return f"{self.repo}@{self.id}"


@dataclass(frozen=True, slots=True)
class CommitSpec:
    """How a request points at a commit; `versioning.commits.resolve` finds the commit it means.

    repo: the repo.
    branch: a branch name, possibly with ancestry (`master^2`), or "".
    id: a commit-set id or a branch name, possibly with ancestry, or "". When both are given, `id` wins.
    """

    repo: Repo
    branch: str = ""
    id: str = ""

    def __str__(self) -> str:
        return f"{self.repo}@{self.id or self.branch}"


@dataclass(frozen=True, slots=True, order=True)
class Pipeline:
    """A pipeline's exact name."""

    project: str
    name: str

    def __str__(self) -> str:
        return f"{self.project}/{self.name}"

    @property
    def output(self) -> Repo:
        """The repo that holds its results."""
        return Repo(self.project, self.name)

    @property
    def spec(self) -> Repo:
        """The repo whose commits stand for the versions of its spec."""
        return Repo(self.project, self.name, SPEC)

    @property
    def meta(self) -> Repo:
        """The repo whose commits hold the datum index."""
        return Repo(self.project, self.name, META)


@dataclass(frozen=True, slots=True, order=True)
class Job:
    """A job's exact name; its id is that of the output commit it fills."""

    pipeline: Pipeline
    id: CommitSetId

    def __str__(self) -> str:
        return f"{self.pipeline}@{self.id}"
