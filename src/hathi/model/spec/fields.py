"""Which fields a pipeline spec has: the JSON form of `pps_v2.CreatePipelineRequest`, as a table.

The names, and the numbers of enum values, are the protocol's. What Hathi adds (`backfill`) is optional and off by
default.
"""

from __future__ import annotations

from hathi.model.spec.kinds import (
    ANYTHING,
    BOOL,
    DURATION,
    FLOAT,
    INT32,
    INT64,
    STRING,
    TIMESTAMP,
    UINT64,
    Enum,
    ListOf,
    MapOf,
    Message,
)

STRINGS = ListOf(STRING)
LABELS = MapOf(STRING)

PROJECT = Message("project", {"name": STRING})
REPO = Message("repo", {"name": STRING, "type": STRING, "project": PROJECT})
BRANCH = Message("branch", {"repo": REPO, "name": STRING})
COMMIT = Message("commit", {"repo": REPO, "id": STRING, "branch": BRANCH})

SECRET = Message("secret", {"name": STRING, "key": STRING, "mount_path": STRING, "env_var": STRING})

TRANSFORM = Message(
    "transform",
    {
        "image": STRING,
        "cmd": STRINGS,
        "err_cmd": STRINGS,
        "env": MapOf(STRING),
        "secrets": ListOf(SECRET),
        "image_pull_secrets": STRINGS,
        "stdin": STRINGS,
        "err_stdin": STRINGS,
        "accept_return_code": ListOf(INT64),
        "debug": BOOL,
        "user": STRING,
        "working_dir": STRING,
        "dockerfile": STRING,
        "memory_volume": BOOL,
        "datum_batching": BOOL,
    },
)

TRIGGER = Message(
    "trigger",
    {
        "branch": STRING,
        "all": BOOL,
        "rate_limit_spec": STRING,
        "size": STRING,
        "commits": INT64,
        "cron_spec": STRING,
    },
)

PFS_INPUT = Message(
    "pfs",
    {
        "project": STRING,
        "name": STRING,
        "repo": STRING,
        "repo_type": STRING,
        "branch": STRING,
        "commit": STRING,
        "glob": STRING,
        "join_on": STRING,
        "outer_join": BOOL,
        "group_by": STRING,
        "lazy": BOOL,
        "empty_files": BOOL,
        "s3": BOOL,
        "trigger": TRIGGER,
        "propagation_spec": Message("propagation_spec", {"never": BOOL}),
        "reference": BOOL,
    },
)

CRON_INPUT = Message(
    "cron",
    {
        "name": STRING,
        "project": STRING,
        "repo": STRING,
        "commit": STRING,
        "spec": STRING,
        "overwrite": BOOL,
        "start": TIMESTAMP,
    },
)

INPUT = Message("input", {"pfs": PFS_INPUT, "cron": CRON_INPUT})
INPUT.fields.update({name: ListOf(INPUT) for name in ("cross", "union", "join", "group")})

SERVICE = Message("service", {"internal_port": INT32, "external_port": INT32, "ip": STRING, "type": STRING})

RESOURCES = Message(
    "resources",
    {
        "cpu": FLOAT,
        "memory": STRING,
        "gpu": Message("gpu", {"type": STRING, "number": INT64}),
        "disk": STRING,
    },
)

FILE_FORMAT = Message(
    "file_format",
    {"type": Enum({"UNKNOWN": 0, "CSV": 1, "JSON": 2, "PARQUET": 3}), "columns": STRINGS},
)

EGRESS = Message(
    "egress",
    {
        "URL": STRING,
        "object_storage": Message("object_storage", {"url": STRING}),
        "sql_database": Message(
            "sql_database",
            {"url": STRING, "file_format": FILE_FORMAT, "secret": Message("secret", {"name": STRING, "key": STRING})},
        ),
    },
)

TOLERATION = Message(
    "toleration",
    {
        "key": STRING,
        "operator": Enum({"EMPTY": 0, "EXISTS": 1, "EQUAL": 2}),
        "value": STRING,
        "effect": Enum({"ALL_EFFECTS": 0, "NO_SCHEDULE": 1, "PREFER_NO_SCHEDULE": 2, "NO_EXECUTE": 3}),
        "toleration_seconds": INT64,
    },
)

PIPELINE_SPEC = Message(
    "pipeline spec",
    {
        "pipeline": Message("pipeline", {"name": STRING, "project": PROJECT}),
        "description": STRING,
        "transform": TRANSFORM,
        "input": INPUT,
        "parallelism_spec": Message("parallelism_spec", {"constant": UINT64}),
        "output_branch": STRING,
        "egress": EGRESS,
        "s3_out": BOOL,
        "resource_requests": RESOURCES,
        "resource_limits": RESOURCES,
        "sidecar_resource_requests": RESOURCES,
        "sidecar_resource_limits": RESOURCES,
        "datum_set_spec": Message("datum_set_spec", {"number": INT64, "size_bytes": INT64, "per_worker": INT64}),
        "datum_timeout": DURATION,
        "job_timeout": DURATION,
        "datum_tries": INT64,
        "salt": STRING,
        "reprocess_spec": STRING,
        "autoscaling": BOOL,
        "maximum_expected_uptime": DURATION,
        "scheduling_spec": Message("scheduling_spec", {"node_selector": LABELS, "priority_class_name": STRING}),
        "tolerations": ListOf(TOLERATION),
        "pod_spec": STRING,
        "pod_patch": STRING,
        "metadata": Message("metadata", {"annotations": LABELS, "labels": LABELS}),
        "service": SERVICE,
        "spout": Message("spout", {"service": SERVICE}),
        "tf_job": ANYTHING,
        "determined": Message("determined", {"workspaces": STRINGS}),
        "spec_commit": COMMIT,
        "update": BOOL,
        "reprocess": BOOL,
        "dry_run": BOOL,
        "backfill": BOOL,
    },
)
