"""From what is typed (`images@master^2:/a.png`) to the messages the server takes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hathi.cli.errors import CliError
from hathi.model import ids, parse
from hathi.model.references import Branch, CommitSpec, Repo
from hathi.wire.gen import pfs_pb2, pps_pb2

if TYPE_CHECKING:
    from hathi.cli.session import Session


def project(name: str) -> pfs_pb2.Project:
    """Return a project's message."""
    return pfs_pb2.Project(name=name)


def repo_of(value: Repo) -> pfs_pb2.Repo:
    """Return a repo's message."""
    return pfs_pb2.Repo(name=value.name, type=value.type, project=project(value.project))


def branch_of(value: Branch) -> pfs_pb2.Branch:
    """Return a branch's message."""
    return pfs_pb2.Branch(repo=repo_of(value.repo), name=value.name)


def commit_of(value: CommitSpec) -> pfs_pb2.Commit:
    """Return a commit's message. It carries the repo twice, since servers before 2.7 look into the branch for it."""
    repo = repo_of(value.repo)
    return pfs_pb2.Commit(repo=repo, branch=pfs_pb2.Branch(repo=repo, name=value.branch), id=value.id)


def repo(text: str, in_project: str) -> pfs_pb2.Repo:
    """Read `name` or `name.type`."""
    return repo_of(parse.parse_repo(text, in_project))


def branch(text: str, in_project: str) -> pfs_pb2.Branch:
    """Read `repo@branch`."""
    return branch_of(parse.parse_branch(text, in_project))


def commit(text: str, in_project: str) -> pfs_pb2.Commit:
    """Read `repo@branch-or-commit`; a bare id is refused with a hint, since it names a whole set."""
    if ids.is_id(text):
        raise CliError(
            f"{text} is the id of a commit set; name one of its commits as repo@{text}, or list them: "
            f"pachctl list commit {text}"
        )
    return commit_of(parse.parse_commit(text, in_project))


def file(text: str, in_project: str) -> pfs_pb2.File:
    """Read `repo@branch-or-commit[:path]`."""
    found = parse.parse_file(text, in_project)
    return pfs_pb2.File(commit=commit_of(found.commit), path=found.path)


def one_file(text: str, in_project: str) -> pfs_pb2.File:
    """Read `repo@branch-or-commit:path`, where the path must be given."""
    found = file(text, in_project)
    if not found.path:
        raise CliError(f'invalid format "{text}": no path given (expected repo@branch-or-commit:path)')
    return found


def pipeline(name: str, in_project: str) -> pps_pb2.Pipeline:
    """Return a pipeline's message."""
    return pps_pb2.Pipeline(name=name, project=project(in_project))


def job(session: Session, text: str, in_project: str) -> pps_pb2.Job:
    """Read `pipeline@job`; a bare id, as 1.x has it, will do when the set holds one job."""
    if not ids.is_id(text):
        found = parse.parse_job(text, in_project)
        return pps_pb2.Job(pipeline=pipeline(found.pipeline.name, found.pipeline.project), id=found.id)
    jobs: list[pps_pb2.Job] = [
        info.job
        for info in session.server.pps.InspectJobSet(pps_pb2.InspectJobSetRequest(job_set=pps_pb2.JobSet(id=text)))
    ]
    if len(jobs) == 1:
        return jobs[0]
    names = ", ".join(f"{each.pipeline.name}@{text}" for each in jobs)
    raise CliError(f"{text} is the id of a job set" + (f"; name one of its jobs: {names}" if jobs else " without jobs"))


def short(value: pfs_pb2.Repo) -> str:
    """Return a repo's name as it is typed, without its project."""
    return value.name if value.type in ("", "user") else f"{value.name}.{value.type}"


def id_of(value: pfs_pb2.Commit) -> str:
    """Return `repo@id` for a commit."""
    return f"{short(repo_in(value))}@{value.id}"


def repo_in(value: pfs_pb2.Commit) -> pfs_pb2.Repo:
    """Return the repo of a commit, wherever the server put it."""
    return value.repo if value.repo.name else value.branch.repo
