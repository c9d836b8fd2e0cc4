"""One pipeline's way to the server: its image published if so wished, its spec sent, and what came of that told."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import click

from hathi.cli import building
from hathi.cli.publishing import publish
from hathi.cli.render import documents
from hathi.cli.session import Session
from hathi.cli.specs import Spec
from hathi.images.publishing import Wish
from hathi.model.errors import NotFoundError
from hathi.wire.gen import hathi_pb2, pfs_pb2, pps_pb2

_CODE = "transform"
"""The part of a spec that a change of image or command is a change of."""


@dataclass(frozen=True, slots=True)
class Order:
    """How to submit specs. form: of raw output, "" for none. wish: what to publish before, if anything."""

    form: str = ""
    update: bool = False
    reprocess: bool = False
    dry_run: bool = False
    backfill: bool = False
    wish: Wish | None = None

    def under(self, modes: Mapping[str, bool]) -> Order:
        """Return the order as a spec's own modes overrule it."""
        update, reprocess = modes.get("update", self.update), modes.get("reprocess", self.reprocess)
        return replace(self, update=update, reprocess=reprocess, dry_run=modes.get("dry_run", self.dry_run))


def submit(session: Session, spec: Spec, order: Order) -> None:
    """Create or update one pipeline, or print what would come of it. The spec's own modes overrule the order."""
    order = order.under(spec.modes)
    if order.backfill:
        spec = replace(spec, data={**spec.data, "backfill": True})
    if spec.build is not None:
        if order.wish is not None:
            session.warn(f"{spec.source}: --build and --push-images change nothing where the spec has a build object")
        building.deploy(
            session, spec, order.form, update=order.update, reprocess=order.reprocess, dry_run=order.dry_run
        )
        return
    if order.wish is not None and not order.dry_run:
        spec = publish(session, spec, order.wish)
    request = pps_pb2.CreatePipelineV2Request(
        create_pipeline_request_json=json.dumps(spec.data, ensure_ascii=False),
        update=order.update,
        reprocess=order.reprocess,
        dry_run=order.dry_run,
    )
    if order.dry_run:
        answer = session.server.pps.CreatePipelineV2(request)
        effective = json.loads(answer.effective_create_pipeline_request_json)
        click.echo(documents.document(effective, order.form or "json"))
        return
    keeps = order.update and not order.reprocess and not session.transaction and session.server.is_hathi
    before = _effective(session, spec) if keeps else None
    with session.change() as server:
        answer = server.pps.CreatePipelineV2(request)
    if before is not None:
        after = json.loads(answer.effective_create_pipeline_request_json or "{}")
        if _only_code_differs(before, after):
            _tell_kept(session, spec)


def _effective(session: Session, spec: Spec) -> Mapping[str, Any] | None:
    """Return the effective spec that a pipeline has now, None when there is no such pipeline."""
    pipeline = pps_pb2.Pipeline(name=spec.name, project=pfs_pb2.Project(name=spec.project))
    try:
        info = session.server.pps.InspectPipeline(pps_pb2.InspectPipelineRequest(pipeline=pipeline, details=True))
    except NotFoundError:
        return None
    found: Mapping[str, Any] = json.loads(info.effective_spec_json or "{}")
    return found


def _only_code_differs(before: Mapping[str, Any], after: Mapping[str, Any]) -> bool:
    """Return whether an update changed what runs, and not what it runs on."""
    return before.get(_CODE) != after.get(_CODE) and before.get("input") == after.get("input")


def _tell_kept(session: Session, spec: Spec) -> None:
    request = hathi_pb2.PipelineRequest(project=spec.project, pipeline=spec.name)
    kept = session.server.about.Pipeline(request).datums_kept
    if kept:
        what = "1 datum keeps its result" if kept == 1 else f"{kept} datums keep their results"
        them = "it" if kept == 1 else "them"
        click.echo(f"{what}; to run {them} with the new code too, add --reprocess", err=True)
