"""Tables of pipelines and jobs. Datums have none: they stand in trees, named by the roots kept here.

A job's row is both its record and the state of its controller: what a controller must know after a crash is a column.
What a job has to do stands in `datum_sets` while it runs; those rows vanish when the job has ended.
"""

from __future__ import annotations

from enum import Enum

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Float,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    Integer,
    LargeBinary,
    String,
    Table,
    Text,
    UniqueConstraint,
    false,
)

from hathi.metadata.tables.base import Choice, Json, RowId, UtcTime, metadata
from hathi.model.pps import JobState, PipelineState, PipelineType


class SetKind(Enum):
    """What the datums of a set are for."""

    RUN = 1  # workers run them
    DROP = 2  # their records leave the index
    ADOPT = 3  # their records are taken over from the index of a job that was killed


class SetState(Enum):
    """How far a datum set has come; sets that no worker runs are born DONE."""

    READY = 1
    CLAIMED = 2
    DONE = 3


pipelines = Table(
    "pipelines",
    metadata,
    Column("id", RowId, primary_key=True),
    Column("project", String, ForeignKey("projects.name"), nullable=False),
    Column("name", String, nullable=False),
    Column("version", Integer, nullable=False),
    Column("type", Choice(PipelineType), nullable=False),
    Column("created", UtcTime, nullable=False),
    Column("stopped", Boolean, nullable=False, default=False, server_default=false()),
    # What is true of it as far as its controller has looked, and why.
    Column("state", Choice(PipelineState), nullable=False),
    Column("reason", Text, nullable=False, default=""),
    Column("workers_ready", Integer, nullable=False, default=0),
    UniqueConstraint("project", "name"),
    Index(None, "project", "id"),
    Index(None, "name", "id"),
)

pipeline_versions = Table(
    "pipeline_versions",
    metadata,
    Column("pipeline_id", RowId, ForeignKey("pipelines.id", ondelete="CASCADE"), primary_key=True),
    Column("version", Integer, primary_key=True, autoincrement=False),
    Column("created", UtcTime, nullable=False),
    Column("spec", Json, nullable=False),  # effective, snake_case
    Column("user_spec_json", Text, nullable=False),
    Column("effective_spec_json", Text, nullable=False),
    Column("salt", String, nullable=False),
    Column("spec_set_id", String(32), nullable=False),  # id of the version's commit in the spec repo
    Column("runtime", String, nullable=False, default=""),
)

jobs = Table(
    "jobs",
    metadata,
    # Grows with time: of two jobs on one branch the later has the greater id.
    Column("id", RowId, primary_key=True),
    Column("pipeline_id", RowId, ForeignKey("pipelines.id", ondelete="CASCADE"), nullable=False),
    Column("project", String, nullable=False),  # of the pipeline, so that the jobs of a project have an index
    Column("set_id", String(32), nullable=False),
    Column("version", Integer, nullable=False),  # grows with the id, among the jobs of a pipeline
    Column("branch", String, nullable=False),  # of the output repo
    Column("state", Choice(JobState), nullable=False),
    Column("reason", Text, nullable=False, default=""),
    Column("created", UtcTime, nullable=False),
    Column("started", UtcTime),
    Column("finished", UtcTime),
    Column("restarts", Integer, nullable=False, default=0),
    Column("hidden", Boolean, nullable=False, default=False, server_default=false()),  # "delete job" hides
    # What no job before it knows stands in datum_sets; and the plan does, wholly.
    Column("planned_early", Boolean, nullable=False, default=False, server_default=false()),
    Column("planned", Boolean, nullable=False, default=False, server_default=false()),
    # Why it shall stop, "" when it shall not; its controller then kills it.
    Column("stop", Text, nullable=False, default=""),
    # Why one of its sets can never be done, "" while none is known to be such; its controller then ends it as failed.
    Column("broken", Text, nullable=False, default=""),
    # The datum index this job leaves, and whether it holds a record of every datum of the job.
    Column("index_root", LargeBinary),
    Column("complete", Boolean, nullable=False, default=False, server_default=false()),
    Column("processed", BigInteger, nullable=False, default=0),
    Column("skipped", BigInteger, nullable=False, default=0),
    Column("failed", BigInteger, nullable=False, default=0),
    Column("recovered", BigInteger, nullable=False, default=0),
    Column("total", BigInteger, nullable=False, default=0),
    Column("download_seconds", Float, nullable=False, default=0.0),
    Column("process_seconds", Float, nullable=False, default=0.0),
    Column("upload_seconds", Float, nullable=False, default=0.0),
    Column("download_bytes", BigInteger, nullable=False, default=0),
    Column("upload_bytes", BigInteger, nullable=False, default=0),
    Column("failed_datum", String, nullable=False, default=""),  # the first that failed
    Column("failed_reason", String, nullable=False, default=""),
    Column("images", Json),  # what its datums ran in, as exactly as their workers knew it; in the order of reports
    UniqueConstraint("pipeline_id", "set_id"),
    # Lists, in the order of ids: of all jobs, a project, a pipeline, a job set; and where a time or a version begins.
    Index(None, "hidden", "id"),
    Index(None, "project", "hidden", "id"),
    Index(None, "pipeline_id", "hidden", "id"),
    Index(None, "set_id", "id"),
    Index(None, "created", "id"),
    Index(None, "pipeline_id", "version", "id"),
    # What a job builds on: the latest before it with a complete index, the latest that succeeded.
    Index(None, "pipeline_id", "branch", "complete", "id"),
    Index(None, "pipeline_id", "branch", "state", "id"),
)

# Jobs that have not ended: few, however many have ended.
for _name, _columns in (("ix_jobs_unfinished", ("id",)), ("ix_jobs_unfinished_of_pipeline", ("pipeline_id", "id"))):
    _unfinished = jobs.c.finished.is_(None)
    Index(_name, *(jobs.c[column] for column in _columns), sqlite_where=_unfinished, postgresql_where=_unfinished)

datum_sets = Table(
    "datum_sets",
    metadata,
    Column("job_id", RowId, ForeignKey("jobs.id", ondelete="CASCADE"), primary_key=True),
    Column("seq", Integer, primary_key=True, autoincrement=False),
    # Whose workers may claim it: copied from the job, so that one index finds the next set of a pipeline's version.
    Column("pipeline_id", RowId, nullable=False),
    Column("version", Integer, nullable=False),
    Column("kind", Choice(SetKind), nullable=False),
    Column("state", Choice(SetState), nullable=False),
    Column("count", Integer, nullable=False),
    # When it may be claimed: 1970 at once; later after an error, or when the claim on it ends unless it is extended.
    # Null when it may not: it is done, or its job is about to be killed.
    Column("due", UtcTime),
    # Who has claimed it, until when, and what it does now. A claim's id outlives the claim, to know a repeated report.
    Column("claim_id", String(32), unique=True),
    Column("worker", String, nullable=False, default=""),
    Column("expires", UtcTime),  # null when nobody holds it
    Column("datum", String, nullable=False, default=""),
    Column("datum_started", UtcTime),
    Column("cancelled", Json),  # ids of datums its worker is to stop and try again
    Column("attempts", Integer, nullable=False, default=0),  # how often it was claimed
    Column("errors", Integer, nullable=False, default=0),  # and how many of these claims its worker gave up, with why
    Column("index_root", LargeBinary),  # records of its datums
    Index(None, "job_id", "state"),
)

Index(
    "ix_datum_sets_due",
    *(datum_sets.c[name] for name in ("pipeline_id", "version", "due", "job_id", "seq")),
    sqlite_where=datum_sets.c.due.is_not(None),
    postgresql_where=datum_sets.c.due.is_not(None),
)

Index(
    "ix_datum_sets_held",
    *(datum_sets.c[name] for name in ("pipeline_id", "worker", "job_id", "seq")),
    sqlite_where=datum_sets.c.expires.is_not(None),
    postgresql_where=datum_sets.c.expires.is_not(None),
)

datum_set_payloads = Table(
    "datum_set_payloads",
    metadata,
    # Apart from the sets, whose rows are small and read often.
    Column("job_id", RowId, primary_key=True),
    Column("seq", Integer, primary_key=True, autoincrement=False),
    Column("payload", LargeBinary, nullable=False),  # the datums, or ids, in the form of pipelines.payloads
    ForeignKeyConstraint(("job_id", "seq"), ("datum_sets.job_id", "datum_sets.seq"), ondelete="CASCADE"),
)

job_shares = Table(
    "job_shares",
    metadata,
    # How many of a job's datums are in sets that a worker has claimed or done; under "" those that nobody has.
    Column("job_id", RowId, ForeignKey("jobs.id", ondelete="CASCADE"), primary_key=True),
    Column("worker", String, primary_key=True),
    Column("datums", BigInteger, nullable=False),
)
