"""What the system tells about pipelines, jobs and datums: plain values, filled by `pipelines`.

Times are timezone-aware datetimes in UTC, durations seconds, sizes bytes; None means "not yet" or "not asked for". A
spec is a plain dictionary in the snake_case JSON form of Pachyderm's CreatePipelineRequest, effective (defaults
filled in).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import Enum
from typing import Any

from hathi.model.references import Commit, Job, Pipeline

Spec = Mapping[str, Any]


class PipelineState(Enum):
    """The numbers are the protocol's."""

    STARTING = 1
    RUNNING = 2
    RESTARTING = 3
    FAILURE = 4
    PAUSED = 5
    STANDBY = 6
    CRASHING = 7


class PipelineType(Enum):
    """The numbers are the protocol's."""

    TRANSFORM = 1
    SPOUT = 2
    SERVICE = 3


class JobState(Enum):
    """The numbers are the protocol's."""

    CREATED = 1
    STARTING = 2
    RUNNING = 3
    FAILURE = 4
    SUCCESS = 5
    KILLED = 6
    EGRESSING = 7
    FINISHING = 8
    UNRUNNABLE = 9

    @property
    def terminal(self) -> bool:
        """Whether the job can change no more."""
        return self in (JobState.FAILURE, JobState.SUCCESS, JobState.KILLED, JobState.UNRUNNABLE)


class DatumState(Enum):
    """The numbers are the protocol's. SKIPPED is derived on reading: the record's job is another one."""

    UNKNOWN = 0
    FAILED = 1
    SUCCESS = 2
    SKIPPED = 3
    STARTING = 4
    RECOVERED = 5


@dataclass(frozen=True, slots=True)
class Counters:
    """Datums of a job by outcome."""

    processed: int = 0
    skipped: int = 0
    failed: int = 0
    recovered: int = 0
    total: int = 0


@dataclass(frozen=True, slots=True)
class Stats:
    """Time in seconds and bytes spent on a datum, or summed over those of a job."""

    download_seconds: float = 0.0
    process_seconds: float = 0.0
    upload_seconds: float = 0.0
    download_bytes: int = 0
    upload_bytes: int = 0


@dataclass(frozen=True, slots=True)
class JobInfo:
    """A job.

    `spec` is that of the pipeline version it ran with; `inputs` are the input commits by input name; `images` are those
    that its datums really ran in.
    """

    job: Job
    version: int
    state: JobState
    reason: str
    created: datetime
    started: datetime | None
    finished: datetime | None
    restarts: int
    counters: Counters
    stats: Stats
    output_commit: Commit
    spec: Spec = field(default_factory=dict)
    inputs: Mapping[str, Commit] = field(default_factory=dict)
    workers: tuple[WorkerInfo, ...] = ()
    images: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class WorkerInfo:
    """One worker as it last reported: the datum at hand, if any, since when, and what that reads."""

    id: str
    job: str = ""
    datum: str = ""
    started: datetime | None = None
    inputs: tuple[DatumInput, ...] = ()


@dataclass(frozen=True, slots=True)
class PipelineInfo:
    """A pipeline at one version. `reason` explains `state`; `runtime` names the runtime recorded with the version."""

    pipeline: Pipeline
    version: int
    type: PipelineType
    state: PipelineState
    reason: str
    stopped: bool
    created: datetime
    spec: Spec
    user_spec_json: str
    effective_spec_json: str
    spec_commit: Commit
    runtime: str
    last_job_state: JobState | None = None
    workers_requested: int = 0
    workers_available: int = 0


@dataclass(frozen=True, slots=True)
class DatumInput:
    """One input of a datum: a file or directory of a commit, under the name that user code sees it by.

    name: directory under /pfs. commit: where it is read. branch: of that commit in the spec. path: absolute, of a
    directory with a slash behind. hash: content hash (empty for `reference` inputs). size: bytes below the path.
    """

    name: str
    commit: Commit
    branch: str
    path: str
    hash: bytes = b""
    size: int = 0
    join_on: str = ""
    group_by: str = ""
    lazy: bool = False
    empty_files: bool = False


@dataclass(frozen=True, slots=True)
class DatumInfo:
    """A datum of a job, and what became of it there."""

    job: Job | None
    id: str
    state: DatumState
    stats: Stats = field(default_factory=Stats)
    inputs: tuple[DatumInput, ...] = ()
    reason: str = ""
    image: str = ""


@dataclass(frozen=True, slots=True)
class LogMessage:
    """One line of a log. `user` is whether user code wrote it; `attempt` counts from 1.

    datum_set: number of the set that the datum ran in, by which its inputs are found while its job runs.
    """

    time: datetime
    message: str
    project: str = ""
    pipeline: str = ""
    job: str = ""
    datum: str = ""
    worker: str = ""
    attempt: int = 0
    user: bool = False
    master: bool = False
    stderr: bool = False
    datum_set: int = 0
