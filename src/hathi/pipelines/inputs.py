"""What a job reads: the commits its output commit is made from."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from sqlalchemy import bindparam, select

from hathi.metadata.paging import batched
from hathi.metadata.tables.pfs import commit_provenance, repos
from hathi.metadata.tables.pfs import commits as commits_table
from hathi.metadata.tables.pps import jobs, pipelines
from hathi.metadata.transaction import Transaction
from hathi.model.errors import InternalError, NotFoundError
from hathi.model.inputs import Input, leaves, sources
from hathi.model.references import SPEC, USER, Branch, Commit, Job, Repo
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


def commits_read(tx: Transaction, job_ids: Iterable[int]) -> dict[int, list[Commit]]:
    """Return what `input_commits` returns, for many jobs at once, by their row ids."""
    found: dict[int, list[tuple[int, Commit]]] = {}
    for batch in batched(job_ids):
        for row in tx.connection.execute(_COMMITS_READ, {"the_jobs": batch}):
            commit = Repo(row.project, row.name, row.type).commit(row.set_id)
            found.setdefault(row.id, []).append((row.position, commit))
    return {id: [commit for _, commit in sorted(read, key=lambda pair: pair[0])] for id, read in found.items()}


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


def by_input_name(commits_read: Sequence[Commit], input: Input | None) -> dict[str, Commit]:
    """Return the commits a job reads, by the names of its inputs."""
    found = _by_branch(commits_read, input)
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


_SOURCE, _SOURCE_REPO = commits_table.alias("source"), repos.alias("source_repo")
_COMMITS_READ = (
    select(
        jobs.c.id,
        commit_provenance.c.position,
        _SOURCE.c.set_id,
        _SOURCE_REPO.c.project,
        _SOURCE_REPO.c.name,
        _SOURCE_REPO.c.type,
    )
    .select_from(jobs)
    .join(pipelines, pipelines.c.id == jobs.c.pipeline_id)
    .join(repos, (repos.c.project == pipelines.c.project) & (repos.c.name == pipelines.c.name) & (repos.c.type == USER))
    .join(commits_table, (commits_table.c.repo_id == repos.c.id) & (commits_table.c.set_id == jobs.c.set_id))
    .join(commit_provenance, commit_provenance.c.commit_id == commits_table.c.id)
    .join(_SOURCE, _SOURCE.c.id == commit_provenance.c.provenance_id)
    .join(_SOURCE_REPO, _SOURCE_REPO.c.id == _SOURCE.c.repo_id)
    .where(jobs.c.id.in_(bindparam("the_jobs", expanding=True)), _SOURCE_REPO.c.type != SPEC)
)
