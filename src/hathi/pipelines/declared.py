"""A pipeline version's spec, read once into what running it needs. The spec itself was checked when it was declared."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from hathi.model.inputs import Input, from_spec
from hathi.model.pps import Spec
from hathi.model.references import Pipeline
from hathi.model.spec import seconds
from hathi.pipelines.planning.batches import BatchRule
from hathi.pipelines.rows.pipelines import VersionRow


@dataclass(frozen=True, slots=True)
class Declared:
    """What a version of a pipeline was declared as.

    input: None for a spout. workers: how many. again: every job runs every datum. datum_timeout, job_timeout:
    seconds, 0 for none.
    """

    version: int
    spec: Spec
    input: Input | None
    salt: str
    output_branch: str
    workers: int
    again: bool
    datum_tries: int
    datum_timeout: float
    job_timeout: float
    rule: BatchRule
    runtime: str

    @property
    def transform(self) -> Mapping[str, Any]:
        """The spec's transform."""
        transform: Mapping[str, Any] = self.spec["transform"]
        return transform


def declared(pipeline: Pipeline, row: VersionRow) -> Declared:
    """Return what a version says."""
    spec = row.spec
    workers = int(spec["parallelism_spec"]["constant"])
    sets = spec.get("datum_set_spec") or {}
    return Declared(
        version=row.version,
        spec=spec,
        input=from_spec(spec["input"], pipeline.project, pipeline.name) if spec.get("input") else None,
        salt=row.salt,
        output_branch=spec["output_branch"],
        workers=workers,
        again=spec["reprocess_spec"] == "every_job" or bool(spec.get("s3_out")),
        datum_tries=int(spec["datum_tries"]),
        datum_timeout=_seconds(spec, "datum_timeout"),
        job_timeout=_seconds(spec, "job_timeout"),
        rule=BatchRule(sets.get("number", 0), sets.get("size_bytes", 0), workers, sets.get("per_worker", 0)),
        runtime=row.runtime,
    )


def resources_of(spec: Spec) -> Mapping[str, Any]:
    """Return what a spec asks for its workers' commands, and what it bounds."""
    return {name: spec[name] for name in ("resource_requests", "resource_limits") if name in spec}


def _seconds(spec: Spec, field: str) -> float:
    return seconds(spec[field]) if spec.get(field) else 0.0
