"""What a spec would run, before it is a pipeline: its datums, as the server would cut the input, and its command.

For a build pipeline the code is an input like any other, so a datum here has the id that it would have there.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import islice
from typing import Any

from google.protobuf import json_format

from hathi.cli.errors import CliError
from hathi.cli.local.running import Task
from hathi.cli.local.tasks import inputs_of
from hathi.cli.session import Session
from hathi.cli.specs import Spec
from hathi.images.official import prefix
from hathi.images.rewriting import BuildSpecs, rewrite
from hathi.model import ids
from hathi.model.builds import BUILD, SOURCE, builder_of
from hathi.model.errors import NotFoundError
from hathi.model.identity import datum_id
from hathi.model.ids import CommitSetId
from hathi.model.inputs import from_spec
from hathi.model.pps import DatumInput
from hathi.model.references import Commit, Pipeline
from hathi.model.spec import parse_spec, seconds
from hathi.wire.gen import pps_pb2

RESOURCES = ("resource_requests", "resource_limits")


@dataclass(frozen=True, slots=True)
class Plan:
    """What runs for a spec. build: the build of its code, when it has one; datums: its own."""

    pipeline: Pipeline
    datums: tuple[Task, ...]
    build: Task | None = None


class Planner:
    """Plans the datums of specs. `every`: all of them; else the one whose id begins with `datum`, or the first."""

    def __init__(self, session: Session, runtime: str, *, every: bool, datum: str) -> None:
        self._session = session
        self._runtime = runtime
        self._every = every
        self._datum = datum
        self._job = CommitSetId(ids.new_id())

    def plan(self, spec: Spec) -> Plan:
        """Return what a spec would run on the present heads of its inputs. CliError when there is nothing."""
        pipeline = Pipeline(spec.project, spec.name)
        if spec.build is None:
            full = parse_spec(spec.data, project=spec.project).effective
            return Plan(pipeline, self._chosen(pipeline, full, full.get("input") or {}))
        built = rewrite(spec.data, spec.build, pipeline, self._runtime, prefix(self._session.env))
        full = parse_spec(built.main, project=spec.project).effective
        return Plan(pipeline, self._chosen(pipeline, full, full["input"]), self._builder(pipeline, built))

    def _builder(self, pipeline: Pipeline, built: BuildSpecs) -> Task:
        code = builder_of(pipeline)
        full = parse_spec(built.builder, project=pipeline.project).effective
        names = [leaf["pfs"]["name"] for leaf in full["input"]["cross"]]
        return self._task(code, full, tuple(self._here(pipeline, name) for name in names))

    def _chosen(self, pipeline: Pipeline, full: Mapping[str, Any], node: Mapping[str, Any]) -> tuple[Task, ...]:
        if not node:
            raise CliError(f"pipeline {pipeline.name} has no input, so it has no datums")
        tasks = (self._task(pipeline, full, inputs) for inputs in self._datums(pipeline, node))
        if self._every:
            found = tuple(tasks)
        else:
            found = tuple(islice((task for task in tasks if task.id.startswith(self._datum)), 1))
        if not found:
            what = f'no datum has an id that begins with "{self._datum}"' if self._datum else "there are no datums"
            raise CliError(f"{what} in the input of pipeline {pipeline.name}")
        return found

    def _datums(self, pipeline: Pipeline, node: Mapping[str, Any]) -> Iterator[tuple[DatumInput, ...]]:
        """Yield the inputs of every datum; those of the code stand where a cross would put them."""
        parts = node.get("cross") or []
        code = [self._code_name(pipeline, part) for part in parts]
        rest = next((part for part, name in zip(parts, code, strict=True) if not name), node) if any(code) else node
        for inputs in self._listed(pipeline, rest):
            if not any(code):
                yield inputs
                continue
            places = [(self._here(pipeline, name),) if name else inputs for name in code]
            yield tuple(each for place in places for each in place)

    def _listed(self, pipeline: Pipeline, node: Mapping[str, Any]) -> Iterator[tuple[DatumInput, ...]]:
        request = pps_pb2.ListDatumRequest(number=0 if self._every or self._datum else 1)
        json_format.ParseDict(dict(node), request.input, ignore_unknown_fields=True)
        root = from_spec(node, pipeline.project, pipeline.name)
        try:
            for info in self._session.server.pps.ListDatum(request):
                yield inputs_of(info, root)
        except NotFoundError as error:
            raise CliError(
                f"there are no datums in the input of pipeline {pipeline.name}: {self._session.explain(error)}"
            ) from error

    def _task(self, pipeline: Pipeline, full: Mapping[str, Any], inputs: tuple[DatumInput, ...]) -> Task:
        limit = full.get("datum_timeout")
        return Task(
            project=pipeline.project,
            pipeline=pipeline.name,
            job=self._job,
            id=datum_id(inputs),
            inputs=inputs,
            transform=full["transform"],
            timeout=seconds(limit) if limit else 0.0,
            resources={name: full[name] for name in RESOURCES if full.get(name)},
        )

    def _here(self, pipeline: Pipeline, branch: str) -> DatumInput:
        """Return an input that is on this machine, in a commit that nobody made."""
        return DatumInput(branch, Commit(builder_of(pipeline).output, self._job), branch, "/")

    @staticmethod
    def _code_name(pipeline: Pipeline, node: Mapping[str, Any]) -> str:
        """Return the name of an input when it holds the pipeline's code, else ""."""
        leaf = node.get("pfs") or {}
        own = leaf.get("repo") == builder_of(pipeline).name and leaf.get("branch") in (SOURCE, BUILD)
        return str(leaf["name"]) if own else ""
