"""What people ask about jobs: one, many, those of a commit set; waiting for them, and stopping them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from hathi.metadata.database import Transaction
from hathi.model.pps import JobInfo, JobState
from hathi.model.references import Commit, Job, Pipeline
from hathi.versioning.store import Store


@dataclass(frozen=True, slots=True)
class JobSet:
    """The jobs that share an id, in the order they were made."""

    id: str
    jobs: tuple[JobInfo, ...]


def inspect(tx: Transaction, job: Job, *, details: bool = True) -> JobInfo:
    """Return a job; NotFoundError when there is none. Without details the spec and the workers are left out."""
    raise NotImplementedError


def list_jobs(
    tx: Transaction,
    *,
    projects: Sequence[str] = (),
    pipeline: Pipeline | None = None,
    inputs: Sequence[Commit] = (),
    history: int = -1,
    details: bool = False,
    before: datetime | None = None,
    number: int = 0,
    reverse: bool = False,
) -> Iterator[JobInfo]:
    """Yield jobs, newest first (`reverse`: oldest first).

    projects: only of these; empty means all. inputs: only jobs that read every one of these commits.
    history: with a pipeline, how many versions back (0: the present one; -1: all). before: the pagination marker, a
    creation time (after it, when reversed). number: at most so many, 0 means all.
    """
    raise NotImplementedError


def wait(store: Store, job: Job, *, cancelled: Callable[[], bool]) -> JobInfo:
    """Return the job once it is terminal, or as it is when `cancelled` says that nobody listens any more."""
    raise NotImplementedError


def subscribe(
    store: Store, pipeline: Pipeline, *, cancelled: Callable[[], bool], details: bool = False
) -> Iterator[JobInfo]:
    """Yield every job of a pipeline, oldest first, and then each new one as it is made, until `cancelled`."""
    raise NotImplementedError


def stop(tx: Transaction, job: Job, *, reason: str = "") -> None:
    """Kill a job, now. NotFoundError; PreconditionError when it has already finished."""
    raise NotImplementedError


def delete(tx: Transaction, job: Job) -> None:
    """Hide the record of a job, which is killed first when it is unfinished. Its commits stay. NotFoundError."""
    raise NotImplementedError


def update_state(tx: Transaction, job: Job, state: JobState, reason: str = "") -> None:
    """Set a job's state from outside (UpdateJobState): the terminal states end it, others are recorded as they are."""
    raise NotImplementedError


def inspect_set(tx: Transaction, id: str, *, details: bool = True) -> JobSet:
    """Return the jobs of a commit set (none: an empty one)."""
    raise NotImplementedError


def wait_set(store: Store, id: str, *, cancelled: Callable[[], bool], details: bool = True) -> Iterator[JobInfo]:
    """Yield the jobs of a commit set, each once it is terminal."""
    raise NotImplementedError


def list_sets(
    tx: Transaction,
    *,
    projects: Sequence[str] = (),
    before: datetime | None = None,
    number: int = 0,
    reverse: bool = False,
    details: bool = False,
) -> Iterator[JobSet]:
    """Yield job sets, newest first; arguments as for `list_jobs`."""
    raise NotImplementedError
