"""Running pipelines in a project that exists for this alone, and looking at what came of it."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from hathi.cli import references
from hathi.cli.ci.rehoming import home_for
from hathi.cli.ci.results import NOT_ENDED, NOT_RUN, DatumResult, PipelineResult
from hathi.cli.ci.sampling import Wanted, copy, sample
from hathi.cli.connection import Server
from hathi.cli.errors import CliError
from hathi.cli.interrupts import undisturbed
from hathi.cli.local.tasks import seconds
from hathi.cli.render import pps
from hathi.cli.render.times import seconds as moment
from hathi.cli.specs import Spec
from hathi.model.builds import builder_of
from hathi.model.errors import HathiError, NotFoundError, UnavailableError
from hathi.model.references import Pipeline
from hathi.wire.gen import pfs_pb2, pps_pb2

LOG_LINES = 30
"""So much of the log of a datum that failed is kept."""

WAIT_SECONDS = 10.0
"""How long one call waits for a job; between calls the pipeline is looked at."""

STUCK = (pps_pb2.PIPELINE_CRASHING, pps_pb2.PIPELINE_FAILURE)
PATIENCE = 6
"""So many looks in a row a pipeline may be stuck before it is given up: a registry may be down for a minute."""

_STATES = {pps_pb2.UNKNOWN: NOT_RUN, pps_pb2.STARTING: NOT_ENDED}

Submit = Callable[[Spec], None]


@dataclass(frozen=True, slots=True)
class Wishes:
    """How to try. project: its name. timeout: for all jobs together, in seconds."""

    project: str
    timeout: float


def choose(server: Server, specs: Sequence[Spec], number: int) -> Wanted:
    """Return what a trial reads: at most `number` datums of each input, 0 for all.

    Raises CliError when there is nothing that can be tried, which shows so before anything is built.
    """
    for spec in specs:
        if not spec.data.get("input") or spec.data.get("service") or spec.data.get("spout"):
            raise CliError(f"{spec.source}: pipeline {spec.name} has no datums to try (a spout, or a service)")
    return sample(server, specs, number)


def try_out(
    server: Server, specs: Sequence[Spec], wanted: Wanted, wishes: Wishes, submit: Submit
) -> list[PipelineResult]:
    """Run pipelines in a project of their own, which is gone afterwards. Each stands behind those that it reads."""
    home = home_for(specs, wishes.project)
    with _project(server, wishes.project):
        copy(server, wanted, home)
        moved = [home.move(spec) for spec in specs]
        refused = {spec.name: reason for spec in moved if (reason := _refusal(submit, spec))}
        deadline = time.monotonic() + wishes.timeout
        return [
            result
            for spec in moved
            for result in (
                [PipelineResult(spec.name, "not created", refused[spec.name])]
                if spec.name in refused
                else [_result(server, wishes.project, name, deadline) for name in _pipelines(spec)]
            )
        ]


def _pipelines(spec: Spec) -> list[str]:
    """Return the names of the pipelines that a spec makes: where its code is built, who builds comes first."""
    builder = builder_of(Pipeline(spec.project, spec.name)).name
    return [spec.name] if spec.build is None else [builder, spec.name]


@contextlib.contextmanager
def _project(server: Server, name: str) -> Iterator[None]:
    message = references.project(name)
    description = "A trial by pachctl ci; it goes when that ends."
    try:
        server.pfs.CreateProject(pfs_pb2.CreateProjectRequest(project=message, description=description))
        yield
    finally:
        with undisturbed():
            _delete(server, message)


def _delete(server: Server, project: pfs_pb2.Project) -> None:
    try:
        server.pps.DeletePipelines(pps_pb2.DeletePipelinesRequest(projects=[project], force=True))
        server.pfs.DeleteRepos(pfs_pb2.DeleteReposRequest(projects=[project], force=True))
        server.pfs.DeleteProject(pfs_pb2.DeleteProjectRequest(project=project, force=True))
    except NotFoundError:
        pass  # interrupted before there was one
    except HathiError as error:
        how = f"pachctl delete project {project.name} --force"
        text = f"the project {project.name} of the trial is still there; delete it with: {how}\n{server.explain(error)}"
        raise CliError(text) from error


def _refusal(submit: Submit, spec: Spec) -> str:
    try:
        submit(spec)
    except UnavailableError:
        raise
    except HathiError as error:
        return str(error)
    return ""


def _result(server: Server, project: str, name: str, deadline: float) -> PipelineResult:
    pipeline = references.pipeline(name, project)
    info = server.pps.InspectPipeline(pps_pb2.InspectPipelineRequest(pipeline=pipeline, details=True))
    repo = pfs_pb2.Repo(name=name, type="user", project=pipeline.project)
    branch = pfs_pb2.Branch(repo=repo, name=info.details.output_branch or "master")
    head = server.pfs.InspectBranch(pfs_pb2.InspectBranchRequest(branch=branch)).head
    job = pps_pb2.Job(pipeline=pipeline, id=head.id)
    ended, reason = _wait(server, job, deadline)
    if ended is None:
        return PipelineResult(name, NOT_ENDED, reason, datums=_datums(server, job))
    began = ended.started if ended.HasField("started") else ended.created
    return PipelineResult(
        pipeline=name,
        state=pps.job_state(ended.state),
        reason=ended.reason,
        seconds=moment(ended.finished) - moment(began),
        datums=_datums(server, job),
        outputs=_outputs(server, head, repo),
    )


def _wait(server: Server, job: pps_pb2.Job, deadline: float) -> tuple[pps_pb2.JobInfo | None, str]:
    """Return the job when it has ended; else None and why it was not waited for any longer."""
    stuck = 0
    while (left := deadline - time.monotonic()) > 0:
        request = pps_pb2.InspectJobRequest(job=job, wait=True, details=True)
        try:
            info: pps_pb2.JobInfo = server.pps.InspectJob(request, timeout=min(WAIT_SECONDS, left))
            return info, ""
        except UnavailableError:
            pass  # nothing yet; when the server is gone the next call says so
        pipeline = server.pps.InspectPipeline(pps_pb2.InspectPipelineRequest(pipeline=job.pipeline, details=True))
        stuck = stuck + 1 if pipeline.state in STUCK else 0
        if stuck >= PATIENCE:
            return None, f"the pipeline is {pps.pipeline_state(pipeline.state)}: {pipeline.reason}"
    return None, "it took longer than the time limit"


def _datums(server: Server, job: pps_pb2.Job) -> tuple[DatumResult, ...]:
    try:
        infos = list(server.pps.ListDatum(pps_pb2.ListDatumRequest(job=job)))
    except NotFoundError:
        return ()
    return tuple(_datum(server, info) for info in infos)


def _datum(server: Server, info: pps_pb2.DatumInfo) -> DatumResult:
    times = info.stats
    found = DatumResult(
        id=info.datum.id,
        files=", ".join(f"{references.repo_in(each.file.commit).name}:{each.file.path}" for each in info.data),
        state=_STATES.get(info.state) or pps_pb2.DatumState.Name(info.state).lower(),
        seconds=sum(seconds(each) for each in (times.download_time, times.process_time, times.upload_time)),
    )
    if not found.failed:
        return found
    lines = server.pps.GetLogs(pps_pb2.GetLogsRequest(job=info.datum.job, datum=info.datum))
    log = [line.message.rstrip("\n") for line in lines if line.message]
    return DatumResult(found.id, found.files, found.state, found.seconds, tuple(log[-LOG_LINES:]))


def _outputs(server: Server, commit: pfs_pb2.Commit, repo: pfs_pb2.Repo) -> tuple[tuple[str, int], ...]:
    whole = pfs_pb2.Commit(repo=repo, branch=pfs_pb2.Branch(repo=repo), id=commit.id)
    request = pfs_pb2.GlobFileRequest(commit=whole, pattern="/**")
    files = (info for info in server.pfs.GlobFile(request) if info.file_type == pfs_pb2.FILE)
    return tuple((info.file.path, info.size_bytes) for info in files)
