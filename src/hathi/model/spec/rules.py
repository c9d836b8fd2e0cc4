"""What a pipeline spec may not be, beyond the types of its fields.

The rules stand in the order in which the original checks them, and all of them are checked: the first problem is the
one that the original would have reported. The texts are the original's where clients may know them. Whether what a
spec names exists is not decided here.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from hathi.model import names
from hathi.model.errors import InvalidError
from hathi.model.images import misnamed
from hathi.model.quantities import read_quantity
from hathi.model.quoting import excerpt
from hathi.model.spec import input_rules
from hathi.model.spec.limits import load_json
from hathi.model.spec.problems import Note, Path, Problem

Spec = Mapping[str, Any]
Rule = Callable[[Spec, str], Iterator[Problem]]

NO_COMMAND = "there is no cmd, so every datum will fail: an image's own entrypoint is not run"

REPROCESS = ("until_success", "every_job")
SERVICE_TYPES = ("ClusterIP", "LoadBalancer", "NodePort")
RESOURCES = ("resource_requests", "resource_limits", "sidecar_resource_requests", "sidecar_resource_limits")
OBJECT_SCHEMES = ("s3", "gs", "azblob", "wasb", "minio", "file")


def problems(spec: Spec, project: str) -> list[Problem]:
    """Return what is wrong with an effective spec in canonical form, whose pipeline is made in `project`."""
    return [problem for rule in RULES for problem in rule(spec, project)]


def _pipeline(spec: Spec, project: str) -> Iterator[Problem]:
    if "pipeline" not in spec:
        yield Problem((), "request.Pipeline cannot be nil")
        return
    name = spec["pipeline"].get("name", "")
    try:
        names.check_project(project)
        names.check_pipeline(name, project)
    except InvalidError as error:
        yield Problem(("pipeline", "name"), str(error))


def _unsupported(spec: Spec, project: str) -> Iterator[Problem]:
    if "tf_job" in spec:
        yield Problem(("tf_job",), "embedding TFJobs in pipelines is not supported yet")


def _s3_out(spec: Spec, project: str) -> Iterator[Problem]:
    if spec.get("s3_out") and ("service" in spec or "spout" in spec):
        yield Problem(("s3_out",), "s3 output is not supported in spouts or services")


def _transform(spec: Spec, project: str) -> Iterator[Problem]:
    if "transform" not in spec:
        yield Problem((), "pipeline must specify a transform")
        return
    transform = spec["transform"]
    if not transform.get("image"):
        yield Problem(("transform",), "pipeline transform must contain an image")
    elif reason := misnamed(transform["image"]):
        yield Problem(("transform", "image"), reason)
    for name in transform.get("env", {}):
        if not names.is_variable(name):
            yield Problem(("transform", "env"), f'"{excerpt(name)}" cannot be the name of a variable')
    for index, secret in enumerate(transform.get("secrets", ())):
        place: Path = ("transform", "secrets", index)
        if not secret.get("name"):
            yield Problem(place, "secret must specify a name")
        if secret.get("env_var") and not secret.get("key"):
            yield Problem(place, "secret with env_var must specify a key")
        if not secret.get("env_var") and not secret.get("mount_path"):
            yield Problem(place, "secret must specify a mount_path or an env_var")


def notes(spec: Spec) -> Iterator[Note]:
    """Yield what the user should know of a sound effective spec, complete and in canonical form."""
    if not spec.get("transform", {}).get("cmd"):
        yield Note(("transform",), NO_COMMAND)
    if "input" in spec:
        yield from input_rules.notes(spec["input"], ("input",))


def _reprocess(spec: Spec, project: str) -> Iterator[Problem]:
    if spec.get("reprocess_spec", REPROCESS[0]) not in REPROCESS:
        yield Problem(("reprocess_spec",), f"ReprocessSpec must be one of '{REPROCESS[0]}' or '{REPROCESS[1]}'")


def _autoscaling(spec: Spec, project: str) -> Iterator[Problem]:
    if spec.get("autoscaling") and "spout" in spec:
        yield Problem(("autoscaling",), "autoscaling can't be used with spouts (spouts aren't triggered externally)")
    if "maximum_expected_uptime" in spec and not spec.get("autoscaling"):
        yield Problem(("maximum_expected_uptime",), "maximum_expected_uptime can only be specified with autoscaling")


def _tolerations(spec: Spec, project: str) -> Iterator[Problem]:
    for index, toleration in enumerate(spec.get("tolerations", ())):
        if toleration.get("operator", "EMPTY") == "EMPTY":
            text = "cannot omit key/value comparison operator; specify EQUAL or EXISTS"
            yield Problem(("tolerations", index), text)


def _input(spec: Spec, project: str) -> Iterator[Problem]:
    if "spout" in spec and "service" not in spec["spout"]:
        if "input" in spec:
            yield Problem(("input",), "spout pipelines (without a service) must not have an input")
        return
    if "input" in spec:
        yield from input_rules.problems(spec["input"], ("input",))
    elif "spout" not in spec:
        yield Problem((), "no input set")


def _egress(spec: Spec, project: str) -> Iterator[Problem]:
    egress = spec.get("egress")
    if egress is None:
        return
    targets = [key for key in ("URL", "object_storage", "sql_database") if egress.get(key)]
    if len(targets) != 1:
        yield Problem(("egress",), "egress must specify exactly one of URL, object_storage and sql_database")
        return
    if targets[0] == "sql_database":
        yield from _sql_egress(egress["sql_database"])
        return
    url = egress["URL"] if targets[0] == "URL" else egress["object_storage"].get("url", "")
    scheme = url.partition("://")[0] if "://" in url else ""
    if scheme not in OBJECT_SCHEMES:
        place: Path = ("egress", "URL") if targets[0] == "URL" else ("egress", "object_storage", "url")
        yield Problem(
            place, f'"{excerpt(url)}" is no object store URL; its scheme must be one of {", ".join(OBJECT_SCHEMES)}'
        )


def _sql_egress(target: Mapping[str, Any]) -> Iterator[Problem]:
    if not target.get("url"):
        yield Problem(("egress", "sql_database"), "sql_database must specify a url")
    if target.get("file_format", {}).get("type", "UNKNOWN") == "UNKNOWN":
        yield Problem(("egress", "sql_database"), "sql_database must specify a file_format type: CSV, JSON or PARQUET")


def _service(spec: Spec, project: str) -> Iterator[Problem]:
    for place in (("service",), ("spout", "service")):
        service: Any = spec
        for key in place:
            service = service.get(key, {})
        if service.get("type", SERVICE_TYPES[-1]) not in SERVICE_TYPES:
            yield Problem(place, f"the following service type {excerpt(service['type'])} is not allowed")
    if "service" in spec and spec.get("parallelism_spec", {}).get("constant", 1) not in (0, 1):
        yield Problem(("parallelism_spec",), "services can only be run with a constant parallelism of 1")


def _output_branch(spec: Spec, project: str) -> Iterator[Problem]:
    branch = spec.get("output_branch", "")
    if not branch:
        yield Problem((), "pipeline needs to specify an output branch")
        return
    try:
        names.check_branch(branch)
    except InvalidError as error:
        yield Problem(("output_branch",), str(error))


def _numbers(spec: Spec, project: str) -> Iterator[Problem]:
    if spec.get("datum_tries", 1) < 1:
        yield Problem(("datum_tries",), "datum_tries must be at least 1")
    for key, value in spec.get("datum_set_spec", {}).items():
        if value < 0:
            yield Problem(("datum_set_spec", key), f"{key} cannot be negative")
    for key in ("datum_timeout", "job_timeout"):
        if spec.get(key) == "0s":
            yield Problem((key,), f"{key} must be more than 0s; leave it out for no limit")


def _resources(spec: Spec, project: str) -> Iterator[Problem]:
    for name in RESOURCES:
        node = spec.get(name, {})
        for key in ("memory", "disk"):
            text = node.get(key)
            if text and read_quantity(text) is None:
                yield Problem((name, key), f'"{excerpt(text)}" is not a quantity such as "256M" or "1Gi"')
        if node.get("cpu", 0) < 0:
            yield Problem((name, "cpu"), "cpu cannot be negative")


def _pod(spec: Spec, project: str) -> Iterator[Problem]:
    if spec.get("pod_spec") and not isinstance(_json(spec["pod_spec"]), dict):
        yield Problem(("pod_spec",), "malformed PodSpec: expected a JSON object")
    if spec.get("pod_patch") and not isinstance(_json(spec["pod_patch"]), list):
        yield Problem(("pod_patch",), "malformed PodPatch: expected a JSON list of RFC 6902 operations")


def _json(text: str) -> object:
    try:
        return load_json(text)
    except InvalidError:
        return None


RULES: tuple[Rule, ...] = (
    _pipeline,
    _unsupported,
    _s3_out,
    _transform,
    _reprocess,
    _autoscaling,
    _tolerations,
    _input,
    _egress,
    _service,
    _output_branch,
    _numbers,
    _resources,
    _pod,
)
"""In the order in which the original checks."""
