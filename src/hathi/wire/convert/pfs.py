"""Words of versioned data: messages of `pfs_v2` and the model.

What requests leave out: an empty project means `default`, an empty repo type means `user`, and a commit may name
its repo only inside its branch. Responses leave `Commit.branch` empty, as the original does: a commit's branch is
not part of its name.
"""

from __future__ import annotations

from datetime import datetime

from hathi.model.errors import InvalidError
from hathi.model.infos import (
    BranchInfo,
    CommitInfo,
    CommitSetInfo,
    FileInfo,
    ProjectInfo,
    RepoInfo,
    Trigger,
)
from hathi.model.references import DEFAULT_PROJECT, USER, Branch, Commit, CommitSpec, Repo
from hathi.wire.convert.common import time_message
from hathi.wire.gen import pfs_pb2


def to_project(message: pfs_pb2.Project) -> str:
    """Return the project's name."""
    return message.name or DEFAULT_PROJECT


def to_repo(message: pfs_pb2.Repo) -> Repo:
    """Return the repo; InvalidError when it has no name."""
    if not message.name:
        raise InvalidError("repo must be specified")
    return Repo(to_project(message.project), message.name, message.type or USER)


def to_branch(message: pfs_pb2.Branch) -> Branch:
    """Return the branch, whose name may be empty."""
    if not message.HasField("repo"):
        raise InvalidError("branch must have a repo")
    return Branch(to_repo(message.repo), message.name)


def to_commit_spec(message: pfs_pb2.Commit) -> CommitSpec:
    """Return what a request points at; its repo may stand in the commit or in the commit's branch.

    A repo without a name does not count: pachyderm-sdk sends one, with type and project, where none was given.
    """
    if message.repo.name:
        repo = message.repo
    elif message.branch.repo.name:
        repo = message.branch.repo
    else:
        raise InvalidError("commit must have a repo")
    return CommitSpec(to_repo(repo), message.branch.name, message.id)


def to_optional_commit_spec(message: pfs_pb2.Commit) -> CommitSpec | None:
    """Return what a request points at, or None when it names neither a branch nor an id."""
    if not message.id and not message.branch.name:
        return None
    return to_commit_spec(message)


def to_file(message: pfs_pb2.File) -> tuple[CommitSpec, str]:
    """Return the commit a request points at and the path in it, as given."""
    if not message.HasField("commit"):
        raise InvalidError("file must have a commit")
    return to_commit_spec(message.commit), message.path


def to_trigger(message: pfs_pb2.Trigger) -> Trigger:
    """Return the trigger."""
    return Trigger(
        branch=message.branch,
        all=message.all,
        size=message.size,
        commits=message.commits,
        rate_limit_spec=message.rate_limit_spec,
        cron_spec=message.cron_spec,
    )


def project_message(name: str) -> pfs_pb2.Project:
    """Return the message for a project's name."""
    return pfs_pb2.Project(name=name)


def repo_message(repo: Repo) -> pfs_pb2.Repo:
    """Return the message for a repo."""
    return pfs_pb2.Repo(name=repo.name, type=repo.type, project=project_message(repo.project))


def branch_message(branch: Branch) -> pfs_pb2.Branch:
    """Return the message for a branch."""
    return pfs_pb2.Branch(repo=repo_message(branch.repo), name=branch.name)


def commit_message(commit: Commit) -> pfs_pb2.Commit:
    """Return the message for a commit as responses carry it."""
    return pfs_pb2.Commit(repo=repo_message(commit.repo), id=commit.id)


def commit_spec_message(spec: CommitSpec) -> pfs_pb2.Commit:
    """Return the message with which a client points at a commit."""
    repo = repo_message(spec.repo)
    branch = pfs_pb2.Branch(repo=repo, name=spec.branch) if spec.branch else None
    return pfs_pb2.Commit(repo=repo, id=spec.id, branch=branch)


def trigger_message(trigger: Trigger) -> pfs_pb2.Trigger:
    """Return the message for a trigger."""
    return pfs_pb2.Trigger(
        branch=trigger.branch,
        all=trigger.all,
        size=trigger.size,
        commits=trigger.commits,
        rate_limit_spec=trigger.rate_limit_spec,
        cron_spec=trigger.cron_spec,
    )


def project_info_message(info: ProjectInfo) -> pfs_pb2.ProjectInfo:
    """Return the message that describes a project."""
    return pfs_pb2.ProjectInfo(
        project=project_message(info.name), description=info.description, created_at=time_message(info.created)
    )


def repo_info_message(info: RepoInfo) -> pfs_pb2.RepoInfo:
    """Return the message that describes a repo."""
    return pfs_pb2.RepoInfo(
        repo=repo_message(info.repo),
        created=time_message(info.created),
        size_bytes_upper_bound=info.size_upper_bound,
        description=info.description,
        branches=[branch_message(branch) for branch in info.branches],
        details=None if info.size is None else pfs_pb2.RepoInfo.Details(size_bytes=info.size),
    )


def branch_info_message(info: BranchInfo) -> pfs_pb2.BranchInfo:
    """Return the message that describes a branch."""
    return pfs_pb2.BranchInfo(
        branch=branch_message(info.branch),
        head=commit_message(info.head),
        provenance=[branch_message(branch) for branch in info.provenance],
        subvenance=[branch_message(branch) for branch in info.subvenance],
        direct_provenance=[branch_message(branch) for branch in info.direct_provenance],
        trigger=None if info.trigger is None else trigger_message(info.trigger),
        created_by=info.created_by,
        created_at=time_message(info.created),
    )


def commit_info_message(info: CommitInfo) -> pfs_pb2.CommitInfo:
    """Return the message that describes a commit."""
    return pfs_pb2.CommitInfo(
        commit=commit_message(info.commit),
        origin=pfs_pb2.CommitOrigin(kind=pfs_pb2.OriginKind.ValueType(info.origin.value)),
        description=info.description,
        parent_commit=None if info.parent is None else commit_message(info.parent),
        child_commits=[commit_message(child) for child in info.children],
        started=time_message(info.started),
        finishing=time_message(info.finishing),
        finished=time_message(info.finished),
        error=info.error,
        size_bytes_upper_bound=info.size_upper_bound,
        details=None if info.size is None else pfs_pb2.CommitInfo.Details(size_bytes=info.size),
        direct_provenance=[commit_message(commit) for commit in info.direct_provenance],
        created_by=info.created_by,
        created_at=time_message(info.started),
    )


def commit_set_info_message(info: CommitSetInfo) -> pfs_pb2.CommitSetInfo:
    """Return the message that describes a commit set."""
    return pfs_pb2.CommitSetInfo(
        commit_set=pfs_pb2.CommitSet(id=info.id), commits=[commit_info_message(commit) for commit in info.commits]
    )


class FileInfoMessages:
    """Makes messages for files of one commit after the other; lists are long, so what repeats is built once."""

    def __init__(self) -> None:
        self._commit: Commit | None = None
        self._committed: datetime | None = None
        self._template = pfs_pb2.FileInfo()

    def __call__(self, info: FileInfo) -> pfs_pb2.FileInfo:
        """Return the message that describes a file or directory."""
        if info.commit != self._commit or info.committed != self._committed:
            self._commit, self._committed = info.commit, info.committed
            file = pfs_pb2.File(commit=commit_message(info.commit))
            self._template = pfs_pb2.FileInfo(file=file, committed=time_message(info.committed))
        message = pfs_pb2.FileInfo()
        message.CopyFrom(self._template)
        message.file.path = info.path
        message.file_type = pfs_pb2.FileType.ValueType(info.type.value)
        message.size_bytes = info.size
        message.hash = info.hash
        return message
