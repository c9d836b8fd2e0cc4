"""What a job reads: the commits its output commit is made from."""

from __future__ import annotations

from collections.abc import Mapping

from hathi.metadata.transaction import Transaction
from hathi.model.errors import InternalError, NotFoundError
from hathi.model.infos import CommitInfo
from hathi.model.inputs import Input, leaves, sources
from hathi.model.references import SPEC, Branch, Commit, CommitSpec, Job, Repo
from hathi.pipelines.planning.trees import Head
from hathi.versioning import commits


def output_commit(tx: Transaction, job: Job) -> CommitInfo | None:
    """Return the commit a job fills; None when somebody deleted it by force."""
    try:
        return commits.inspect(tx, CommitSpec(job.pipeline.output, id=job.id))
    except NotFoundError:
        return None


def input_commits(tx: Transaction, job: Job) -> dict[Repo, Commit]:
    """Return the commits a job reads, by repo: no repo takes part in one graph twice. The spec commit is left out."""
    info = output_commit(tx, job)
    sources = () if info is None else info.direct_provenance
    return {commit.repo: commit for commit in sources if commit.repo.type != SPEC}


def by_input_name(tx: Transaction, job: Job, input: Input | None) -> dict[str, Commit]:
    """Return the commits a job reads, by the names of its inputs."""
    found = input_commits(tx, job)
    return {leaf.name: found[leaf.source.repo] for leaf in leaves(input) if leaf.source.repo in found}


def heads(tx: Transaction, job: Job, input: Input) -> Mapping[Branch, Head]:
    """Return what each input branch holds for a job whose input commits are all finished.

    NotFoundError when one of the commits has been deleted since.
    """
    found = input_commits(tx, job)
    result: dict[Branch, Head] = {}
    for branch in sources(input):
        if branch.repo not in found:
            raise NotFoundError(f"job {job} has no commit of its input {branch} any more")
        commit = found[branch.repo]
        root = commits.root_of(tx, commit)
        if root is None:
            raise InternalError(f"the input {commit} of job {job} is not finished")
        result[branch] = Head(commit, root)
    return result
