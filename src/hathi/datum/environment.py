"""The variables that user code sees.

Nothing of the server's or the worker's own environment: what the image (or, in the process runtime, the base) has, the
documented variables of the container, the spec's `transform.env`, and those of the datum; later ones win.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from hathi.model.names import is_free_variable, is_variable
from hathi.model.pps import DatumInput

DEFAULT_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


@dataclass(frozen=True, slots=True)
class Job:
    """What the environment tells of a datum's job.

    worker: name of the worker. env: the spec's `transform.env`. base: variables of the image or the process runtime.
    """

    project: str
    pipeline: str
    job: str
    worker: str
    env: Mapping[str, str] = field(default_factory=dict)
    base: Mapping[str, str] = field(default_factory=lambda: {"PATH": DEFAULT_PATH})


def datum_variables(job: str, datum: str, inputs: Iterable[DatumInput]) -> dict[str, str]:
    """Return the variables that tell one datum from another; of inputs that share a name, the last one counts.

    An input whose name is that of a variable that programs need, such as PATH, has no variable with its path.
    """
    variables: dict[str, str] = {}
    source = None
    for source in inputs:
        if not is_variable(source.name):
            continue
        if is_free_variable(source.name):
            variables[source.name] = f"/pfs/{source.name}{source.path.rstrip('/')}"
        variables[f"{source.name}_COMMIT"] = source.commit.id
        if source.join_on:
            variables[f"PACH_DATUM_{source.name}_JOIN_ON"] = source.join_on
        if source.group_by:
            variables[f"PACH_DATUM_{source.name}_GROUP_BY"] = source.group_by
    if source is not None:
        variables["PACH_DATUM_ID"] = datum
    variables["PACH_JOB_ID"] = job
    variables["PACH_OUTPUT_COMMIT_ID"] = job
    return variables


def environment(about: Job, variables: Mapping[str, str]) -> dict[str, str]:
    """Return everything that user code sees, given its datum's variables."""
    container = {
        "PPS_PROJECT_NAME": about.project,
        "PPS_PIPELINE_NAME": about.pipeline,
        "PPS_POD_NAME": about.worker,
        "PPS_WORKER_IP": "127.0.0.1",
        "PACH_IN_WORKER": "true",
    }
    return {**about.base, **container, **about.env, **variables}


def dotenv(variables: Mapping[str, str]) -> bytes:
    """Return the contents of /pfs/.env."""
    return "".join(f"{name}={value}\n" for name, value in variables.items()).encode(errors="surrogateescape")
