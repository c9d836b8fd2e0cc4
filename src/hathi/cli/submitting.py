"""The way of pipelines to the server: images published if so wished, specs sent, and what came of that told."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import click

from hathi.cli import building
from hathi.cli.publishing import publish, target_of
from hathi.cli.render import documents
from hathi.cli.session import Session
from hathi.cli.specs import Spec
from hathi.images.publishing import Target, Wish
from hathi.images.rewriting import PROCESS
from hathi.model.errors import NotFoundError
from hathi.wire.gen import hathi_pb2, pfs_pb2, pps_pb2

_CODE = "transform"
_LIMITS = "resource_limits"
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
    """Create or update one pipeline, as `submit_all` does."""
    submit_all(session, [spec], order)


def submit_all(session: Session, specs: Sequence[Spec], order: Order) -> None:
    """Create or update pipelines, or print what would come of it. A spec's own modes overrule the order.

    Whatever can be wrong on this machine with any of them shows before anything is changed, and their images are in
    their registries.
    """
    orders = [order.under(spec.modes) for spec in specs]
    for spec in specs:
        if spec.build is not None:
            building.check(spec)
    ready = _published(session, specs, orders)
    for spec, each in zip(ready, orders, strict=True):
        _send(session, spec, each)


def _published(session: Session, specs: Sequence[Spec], orders: Sequence[Order]) -> list[Spec]:
    """Return the specs with the images that were published for them as they wish, equal ones once."""
    pairs = list(zip(specs, orders, strict=True))
    wishes = [None if spec.build is not None or each.dry_run else each.wish for spec, each in pairs]
    targets = [target_of(spec, wish) if wish else None for spec, wish in zip(specs, wishes, strict=True)]
    if any(targets) and _is_of_processes(session):
        session.warn("this server runs pipelines as processes, without images: what is pushed is not used there")
    done: dict[Target, str] = {}
    result = []
    for number, (spec, each, wish, target) in enumerate(zip(specs, orders, wishes, targets, strict=True)):
        if wish is None or target is None:
            result.append(spec)
            continue
        _ask_whether(session, spec, each, first=not number)
        if len(specs) > 1:
            click.echo(f"image of pipeline {spec.name}:", err=True)
        if target not in done:
            done[target] = str(publish(session, spec, wish).data["transform"]["image"])
        else:
            click.echo(f"is {done[target]} too", err=True)
        result.append(spec.with_image(done[target]))
    return result


def _is_of_processes(session: Session) -> bool:
    if not session.server.is_hathi:
        return False
    return bool(session.server.about.Server(hathi_pb2.ServerRequest()).runtime == PROCESS)


def _ask_whether(session: Session, spec: Spec, order: Order, *, first: bool) -> None:
    """Raise what the server finds wrong with a spec, before an image is made for it.

    What an open transaction makes, or what another spec will, cannot be asked for yet.
    """
    if session.transaction:
        return
    try:
        check(session, spec, order)
    except NotFoundError:
        if first:
            raise


def check(session: Session, spec: Spec, order: Order) -> None:
    """Have the server look at a spec and change nothing; raises what it refuses."""
    session.server.pps.CreatePipelineV2(_request(spec, replace(order, dry_run=True)))


def _request(spec: Spec, order: Order) -> pps_pb2.CreatePipelineV2Request:
    return pps_pb2.CreatePipelineV2Request(
        create_pipeline_request_json=json.dumps(spec.data, ensure_ascii=False),
        update=order.update,
        reprocess=order.reprocess,
        dry_run=order.dry_run,
    )


def _send(session: Session, spec: Spec, order: Order) -> None:
    """Create or update one pipeline, or print what would come of it."""
    if order.backfill:
        spec = replace(spec, data={**spec.data, "backfill": True})
    if spec.build is not None:
        if order.wish is not None:
            session.warn(f"{spec.source}: --build and --push-images change nothing where the spec has a build object")
        building.deploy(
            session, spec, order.form, update=order.update, reprocess=order.reprocess, dry_run=order.dry_run
        )
        return
    request = _request(spec, order)
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
    if not session.transaction and session.server.is_hathi and _LIMITS in spec.data:
        for warning in _about(session, spec).warnings:
            session.warn(warning)


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


def _about(session: Session, spec: Spec) -> hathi_pb2.PipelineResponse:
    answer: hathi_pb2.PipelineResponse = session.server.about.Pipeline(
        hathi_pb2.PipelineRequest(project=spec.project, pipeline=spec.name)
    )
    return answer


def _tell_kept(session: Session, spec: Spec) -> None:
    kept = _about(session, spec).datums_kept
    if kept:
        what = "1 datum keeps its result" if kept == 1 else f"{kept} datums keep their results"
        them = "it" if kept == 1 else "them"
        click.echo(f"{what}; to run {them} with the new code too, add --reprocess", err=True)
