"""What a job reads: the commits its output commit is made from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from hathi.metadata.transaction import Transaction
from hathi.model.errors import InternalError, NotFoundError
from hathi.model.inputs import Input, leaves, sources
from hathi.model.references import SPEC, Branch, Commit, Job, Repo
from hathi.pipelines.planning.trees import Head
from hathi.versioning import commits
from hathi.versioning.errors import RepoNotFound
from hathi.versioning.rows import CommitRow, find_commit
from hathi.versioning.telling import provenance


def output_commit(tx: Transaction, job: Job) -> CommitRow | None:
    """Return the commit a job fills; None when somebody deleted it by force."""
    try:
        return find_commit(tx, job.pipeline.output.commit(job.id))[1]
    except RepoNotFound:
        return None


def input_commits(tx: Transaction, job: Job) -> list[Commit]:
    """Return the commits a job reads, in the order of the branches it reads. The spec commit is left out."""
    output = output_commit(tx, job)
    return [] if output is None else _read_by(tx, output)


def input_rows(tx: Transaction, output: CommitRow) -> list[CommitRow]:
    """Return what is known of the commits that the job reads which fills `output`; see `input_commits`."""
    found = (find_commit(tx, commit)[1] for commit in _read_by(tx, output))
    return [row for row in found if row is not None]


def _read_by(tx: Transaction, output: CommitRow) -> list[Commit]:
    return [commit for commit in provenance(tx, output) if commit.repo.type != SPEC]


def all_there(tx: Transaction, output: CommitRow, input: Input) -> bool:
    """Return whether none of the commits was deleted that the job reads which fills `output`."""
    return len(_by_branch(_read_by(tx, output), input)) == len(sources(input))


def by_branch(tx: Transaction, job: Job, input: Input | None) -> dict[Branch, Commit]:
    """Return the commits a job reads, by branch; one that was deleted since is missing.

    A commit does not tell on which branch it was read: the head of a branch may have been made on another. The repo
    tells, and among the branches of one repo (which only a build has) their order.
    """
    return _by_branch(input_commits(tx, job), input)


def _by_branch(commits_read: Sequence[Commit], input: Input | None) -> dict[Branch, Commit]:
    branches: dict[Repo, list[Branch]] = {}
    for branch in sources(input):
        branches.setdefault(branch.repo, []).append(branch)
    read: dict[Repo, list[Commit]] = {}
    for commit in commits_read:
        read.setdefault(commit.repo, []).append(commit)
    return {
        branch: commit
        for repo, wanted in branches.items()
        if len(read.get(repo, ())) == len(wanted)
        for branch, commit in zip(wanted, read[repo], strict=True)
    }


def by_input_name(tx: Transaction, job: Job, input: Input | None) -> dict[str, Commit]:
    """Return the commits a job reads, by the names of its inputs."""
    found = by_branch(tx, job, input)
    return {leaf.name: found[leaf.source] for leaf in leaves(input) if leaf.source in found}


def heads(tx: Transaction, job: Job, input: Input) -> Mapping[Branch, Head]:
    """Return what each input branch holds for a job whose input commits are all finished.

    NotFoundError when one of the commits has been deleted since.
    """
    found = by_branch(tx, job, input)
    result: dict[Branch, Head] = {}
    for branch in sources(input):
        if branch not in found:
            raise NotFoundError(f"job {job} has no commit of its input {branch} any more")
        commit = found[branch]
        root = commits.root_of(tx, commit)
        if root is None:
            raise InternalError(f"the input {commit} of job {job} is not finished")
        result[branch] = Head(commit, root)
    return result
