"""The repos and branches that belong to a pipeline.

Output and meta branch are made from the same branches: those that the input reads, and the spec branch. So whatever
concerns the pipeline, new data or a new version, opens a commit on both, under one id.
"""

from __future__ import annotations

from hathi.metadata.transaction import Transaction
from hathi.model import builds
from hathi.model.errors import ExistsError, InvalidError, NotFoundError
from hathi.model.infos import Origin
from hathi.model.inputs import Input, Pfs, leaves, sources
from hathi.model.references import DEFAULT_PROJECT, USER, Branch, Commit, Pipeline, Repo
from hathi.versioning import branches, commits, past, repos
from hathi.versioning.errors import BranchNotFound, RepoExists, RepoNotFound

SPEC_BRANCH = "master"


class RepoTaken(ExistsError):
    """The output repo's name belongs to a repo that no pipeline made."""

    def __init__(self, pipeline: Pipeline) -> None:
        super().__init__(
            f'pipeline "{pipeline.name}" cannot be created because a repo with the same name already exists'
        )
        self.pipeline = pipeline


class InputRepoNotFound(NotFoundError):
    """A pipeline would read a repo that is not there. It begins as any missing repo does: clients match on that."""

    def __init__(self, repo: Repo, pipeline: Pipeline) -> None:
        project = "" if repo.project == DEFAULT_PROJECT else f" --project {repo.project}"
        how = f"; create it first: pachctl create repo {repo.name}{project}" if repo.type == USER else ""
        super().__init__(f"repo {repo} not found, which is an input of pipeline {pipeline}{how}")
        self.repo = repo
        self.pipeline = pipeline


def make(tx: Transaction, pipeline: Pipeline, output_branch: str, input: Input | None) -> None:
    """Make the three repos of a new pipeline; one that builds code puts what it makes into the repo it reads."""
    try:
        repos.create(
            tx, pipeline.output, f"Output repo for pipeline {pipeline}.", update=_builds(pipeline, output_branch, input)
        )
    except RepoExists:
        raise RepoTaken(pipeline) from None
    repos.create(tx, pipeline.spec, f"Spec repo for pipeline {pipeline}.")
    repos.create(tx, pipeline.meta, f"Meta repo for pipeline {pipeline}.")


def commit_spec(tx: Transaction, pipeline: Pipeline, version: int) -> Commit:
    """Make the commit that stands for a version of the spec; it holds no files."""
    return commits.create_empty(tx, pipeline.spec.branch(SPEC_BRANCH), Origin.USER, f"Version {version}.")


def follow(tx: Transaction, pipeline: Pipeline, output_branch: str, input: Input | None) -> None:
    """Let output and meta branch follow the inputs; what was missing of the input branches is made, empty.

    Raises InvalidError, InputRepoNotFound, DagConflict.
    """
    if _reads_itself(pipeline, input) and not _builds(pipeline, output_branch, input):
        raise InvalidError(f"pipeline {pipeline} cannot read its own output")
    provenance = [*sources(input), pipeline.spec.branch(SPEC_BRANCH)]
    try:
        for leaf in leaves(input):
            if isinstance(leaf, Pfs) and leaf.trigger is not None:
                branches.create(tx, leaf.source, trigger=leaf.trigger)
        for repo in (pipeline.output, pipeline.meta):
            branches.create(tx, repo.branch(output_branch), provenance=provenance, silent=_silent(input))
    except RepoNotFound as error:
        raise InputRepoNotFound(error.repo, pipeline) from error


def catch_up(tx: Transaction, pipeline: Pipeline, output_branch: str, input: Input | None) -> None:
    """Give a new pipeline the commits, and so the jobs, that it would have had, had it followed its inputs before."""
    made = [repo.branch(output_branch) for repo in (pipeline.output, pipeline.meta)]
    beside = [pipeline.spec.branch(SPEC_BRANCH)]
    past.catch_up(tx, made, sources(input), silent=_silent(input), beside=beside)


def _silent(input: Input | None) -> list[Branch]:
    """Return the branches that the input reads without new commits on them starting a job."""
    return [leaf.source for leaf in leaves(input) if isinstance(leaf, Pfs) and leaf.never]


def unfollow(tx: Transaction, pipeline: Pipeline, output_branch: str) -> None:
    """Let output and meta branch follow nothing; they keep what they have. A repo deleted by force is left out."""
    for repo in (pipeline.output, pipeline.meta):
        if repos.exists(tx, repo):
            branches.create(tx, repo.branch(output_branch), provenance=())


def lost(tx: Transaction, pipeline: Pipeline, output_branch: str, input: Input | None) -> str:
    """Return what of a pipeline was deleted by force so that it cannot follow its inputs, and what to do; else ""."""
    try:
        followed = branches.inspect(tx, pipeline.output.branch(output_branch)).direct_provenance
    except RepoNotFound:
        return "its output repo was deleted: delete the pipeline and create it again"
    except BranchNotFound:
        return f"its output branch {output_branch} was deleted: update the pipeline to make it again"
    gone = [str(source) for source in sources(input) if source not in followed]
    if not gone:
        return ""
    return f"its input {', '.join(gone)} was deleted: create it again and update the pipeline, or delete the pipeline"


def delete(tx: Transaction, pipeline: Pipeline, output_branch: str, *, keep_output: bool, force: bool) -> None:
    """Delete the pipeline's repos, or all but the output repo. PreconditionError when others depend on them."""
    if keep_output:
        unfollow(tx, pipeline, output_branch)
        for repo in (pipeline.meta, pipeline.spec):
            repos.delete(tx, repo, force=force, by_pipeline=True)
    else:
        repos.delete(tx, pipeline.output, force=force, by_pipeline=True)


def _reads_itself(pipeline: Pipeline, input: Input | None) -> bool:
    return pipeline.output in {source.repo for source in sources(input)}


def _builds(pipeline: Pipeline, output_branch: str, input: Input | None) -> bool:
    """Return whether a pipeline is one that builds code, and so may have its input and its output in one repo."""
    return _reads_itself(pipeline, input) and builds.builds(pipeline.output.branch(output_branch), sources(input))
