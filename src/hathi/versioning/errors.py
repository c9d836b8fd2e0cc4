"""What can be wrong with a request about versioned data. The texts are the original's: its clients match on them."""

from __future__ import annotations

from hathi.model.builds import SUFFIX
from hathi.model.errors import (
    ExistsError,
    InvalidError,
    NotFoundError,
    PreconditionError,
    UnavailableError,
)
from hathi.model.references import Branch, Commit, CommitSpec, Repo


class ProjectNotFound(NotFoundError):
    """There is no such project."""

    def __init__(self, name: str) -> None:
        super().__init__(f'project "{name}" not found')
        self.name = name


class ProjectExists(ExistsError):
    """A project of that name exists."""

    def __init__(self, name: str) -> None:
        super().__init__(f"project {name} already exists")
        self.name = name


class RepoNotFound(NotFoundError):
    """There is no such repo."""

    def __init__(self, repo: Repo) -> None:
        super().__init__(f"repo {repo} not found")
        self.repo = repo


class RepoExists(ExistsError):
    """A repo of that name exists."""

    def __init__(self, repo: Repo) -> None:
        super().__init__(f"repo {repo} already exists")
        self.repo = repo


class BranchNotFound(NotFoundError):
    """The repo has no such branch."""

    def __init__(self, branch: Branch) -> None:
        super().__init__(f'branch "{branch.name}" not found in repo {branch.repo}')
        self.branch = branch


class CommitNotFound(NotFoundError):
    """The repo has no such commit, not even through provenance."""

    def __init__(self, commit: Commit | CommitSpec) -> None:
        super().__init__(f"commit {commit} not found")
        self.commit = commit


class CommitSetNotFound(NotFoundError):
    """No commit has that id."""

    def __init__(self, id: str) -> None:
        super().__init__(f"no commits found for commitset {id}")
        self.id = id


class FileNotFound(NotFoundError):
    """The commit has no such file, or nothing matches."""

    def __init__(self, commit: Commit, path: str) -> None:
        super().__init__(f"file {path} not found in repo {commit.repo} at commit {commit.id}")
        self.commit = commit
        self.path = path


class TransactionNotFound(NotFoundError):
    """There is no such transaction, or it is finished."""

    def __init__(self, id: str) -> None:
        super().__init__(f"transaction {id} not found")
        self.id = id


class CommitFinished(PreconditionError):
    """The commit is closed: it takes no more writes."""

    def __init__(self, commit: Commit) -> None:
        super().__init__(f"commit {commit} has already finished")
        self.commit = commit


class ParentNotFinished(PreconditionError):
    """A commit cannot start on a parent that is still open."""

    def __init__(self, parent: Commit) -> None:
        super().__init__(f"parent commit {parent} has not been finished")
        self.parent = parent


class OutputBranch(PreconditionError):
    """The branch is made from others; only they can change it."""

    def __init__(self, branch: Branch) -> None:
        super().__init__(f"cannot start a commit on an output branch: {branch}")
        self.branch = branch


class PipelineOutput(PreconditionError):
    """The commit is being made by a pipeline's job, which replaces whatever anybody else writes there."""

    def __init__(self, commit: Commit) -> None:
        super().__init__(f"only its pipeline writes to the output commit {commit}")
        self.commit = commit


class BuildSource(PreconditionError):
    """The branch holds the code of a pipeline: its head moves, but nobody writes to it."""

    def __init__(self, branch: Branch) -> None:
        pipeline = branch.repo.name.removesuffix(SUFFIX)
        super().__init__(
            f"cannot start a commit on {branch}, which holds what the pipeline {pipeline} is built from; "
            f"change the code where its spec says it is, and run 'pachctl update pipeline'"
        )
        self.branch = branch


class InconsistentCommit(PreconditionError):
    """A repo takes part in a commit set, and so in a transaction, with one commit at most."""

    def __init__(self, commit: Commit) -> None:
        super().__init__(
            f"inconsistent dependencies: cannot create commit from {commit}; "
            f"repo ({commit.repo.name}) already has a commit in this transaction"
        )
        self.commit = commit


class DagConflict(InvalidError):
    """Two branches of one repo would be part of one provenance graph, so that one change could reach the repo twice.

    code_of: the pipeline whose code the repo holds, "" for none.
    """

    def __init__(self, repo: Repo, code_of: str = "") -> None:
        hint = f'; pipeline "{repo.name}" builds the code of pipeline "{code_of}", so update that one instead'
        super().__init__(
            f'multiple branches from the same repo, "{repo}", cannot participate in a DAG{hint if code_of else ""}'
        )
        self.repo = repo


class MatchedSeveral(InvalidError):
    """GetFile gives one file."""

    def __init__(self) -> None:
        super().__init__("matched multiple files. Use GetFileTAR instead")


class MatchedDirectory(InvalidError):
    """GetFile gives a file, not a directory."""

    def __init__(self) -> None:
        super().__init__("cannot get directory or non-regular file. Use GetFileTAR instead")


class WaitEnded(UnavailableError):
    """The client left or the server is stopping before what was waited for happened."""

    def __init__(self) -> None:
        super().__init__("the server is stopping")
