"""Pipelines over gRPC."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from google.protobuf import json_format
from google.protobuf.empty_pb2 import Empty

from hathi.metadata.database import Transaction
from hathi.model.errors import InvalidError, NotFoundError
from hathi.model.pps import PipelineInfo
from hathi.model.references import Pipeline
from hathi.model.spec import load_json
from hathi.pipelines import definitions, listing
from hathi.server.grpc.backend import Backend
from hathi.server.grpc.calls import Call
from hathi.server.grpc.filters import no_jq
from hathi.server.grpc.operations import Operation, Operations
from hathi.server.grpc.paging import page
from hathi.wire.convert import pfs, pps
from hathi.wire.gen import pps_pb2

_MODIFIERS = ("update", "reprocess", "dry_run", "dryRun")
"""Fields of the request that say what to do with the spec, and are no part of it."""


def operations(runtime: str) -> dict[str, Operation]:
    """Return the changes that transactions may hold. runtime: recorded with new versions."""

    def create(tx: Transaction, request: pps_pb2.CreatePipelineTransaction) -> pps_pb2.CreatePipelineV2Response:
        return _effective(_create(tx, request, runtime))

    return {
        "create_pipeline_v2": Operation(pps_pb2.CreatePipelineTransaction, pps_pb2.CreatePipelineV2Response, create)
    }


class Pipelines:
    """Pipelines."""

    def __init__(self, backend: Backend, operations: Operations) -> None:
        self._store = backend.store
        self._runtime = backend.runtime.name
        self._operations = operations

    def CreatePipeline(self, request: pps_pb2.CreatePipelineRequest, call: Call) -> Empty:
        """Create or update a pipeline from a message."""
        change = pps_pb2.CreatePipelineTransaction(create_pipeline_request=request)
        if request.dry_run:
            self._rehearse(change)
        else:
            self._operations.do("create_pipeline_v2", change, call)
        return Empty()

    def CreatePipelineV2(
        self, request: pps_pb2.CreatePipelineV2Request, call: Call
    ) -> pps_pb2.CreatePipelineV2Response:
        """Create or update a pipeline from a JSON text, which is kept."""
        change = _change(request)
        if request.dry_run or change.create_pipeline_request.dry_run:
            return _effective(self._rehearse(change))
        response: pps_pb2.CreatePipelineV2Response = self._operations.do("create_pipeline_v2", change, call)
        return response

    def InspectPipeline(self, request: pps_pb2.InspectPipelineRequest, call: Call) -> pps_pb2.PipelineInfo:
        """Tell about a pipeline."""
        with self._store.db.read() as tx:
            info = listing.inspect(tx, pps.to_pipeline(request.pipeline))
        return pps.pipeline_info_message(info, details=request.details)

    def ListPipeline(self, request: pps_pb2.ListPipelineRequest, call: Call) -> Iterator[pps_pb2.PipelineInfo]:
        """Tell about pipelines."""
        no_jq(request.jqFilter)
        projects = [pfs.to_project(project) for project in request.projects]
        if request.pipeline.name and request.pipeline.HasField("project"):
            projects = [pfs.to_project(request.pipeline.project)]
        infos = listing.list_pipelines(
            self._store,
            projects=tuple(projects),
            name=request.pipeline.name,
            history=request.history,
            commit_set=request.commit_set.id,
        )
        # With details whatever the request says, as the original does: its clients rely on them.
        for info in page(infos, request.page.page_size, request.page.page_index):
            yield pps.pipeline_info_message(info, details=True)

    def DeletePipeline(self, request: pps_pb2.DeletePipelineRequest, call: Call) -> Empty:
        """Delete a pipeline, or with `all` each; a missing one is an error only when the client says so."""
        with self._store.db.write() as tx:
            if request.all:
                self._delete_all(tx, keep_repo=request.keep_repo)
                return Empty()
            pipeline = pps.to_pipeline(request.pipeline)
            if request.must_exist:
                listing.inspect(tx, pipeline, details=False)
            definitions.delete(tx, pipeline, keep_repo=request.keep_repo, force=request.force)
        return Empty()

    def DeletePipelines(self, request: pps_pb2.DeletePipelinesRequest, call: Call) -> pps_pb2.DeletePipelinesResponse:
        """Delete the pipelines of some projects, or of all; none given deletes none."""
        projects = tuple(pfs.to_project(project) for project in request.projects)
        if not projects and not request.all:
            return pps_pb2.DeletePipelinesResponse()
        with self._store.db.write() as tx:
            deleted = self._delete_all(tx, () if request.all else projects, keep_repo=request.keep_repo)
        return pps_pb2.DeletePipelinesResponse(pipelines=map(pps.pipeline_message, deleted))

    def StartPipeline(self, request: pps_pb2.StartPipelineRequest, call: Call) -> Empty:
        """Let a stopped pipeline follow its inputs again."""
        with self._store.db.write() as tx:
            definitions.start(tx, pps.to_pipeline(request.pipeline))
        return Empty()

    def StopPipeline(self, request: pps_pb2.StopPipelineRequest, call: Call) -> Empty:
        """Stop a pipeline; a missing one is an error only when the client says so."""
        with self._store.db.write() as tx:
            try:
                definitions.stop(tx, pps.to_pipeline(request.pipeline))
            except NotFoundError:
                if request.must_exist:
                    raise
        return Empty()

    def DeleteAll(self, request: Empty, call: Call) -> Empty:
        """Delete every pipeline."""
        with self._store.db.write() as tx:
            self._delete_all(tx)
        return Empty()

    def _rehearse(self, change: pps_pb2.CreatePipelineTransaction) -> PipelineInfo:
        """Return what would come of a change, and leave nothing behind."""
        with self._store.db.write() as tx, tx.rehearse() as inner:
            return _create(inner, change, self._runtime)

    @staticmethod
    def _delete_all(tx: Transaction, projects: tuple[str, ...] = (), *, keep_repo: bool = False) -> list[Pipeline]:
        """Delete pipelines whatever depends on them: what depends goes too."""
        every = listing.list_names(tx, projects)
        for pipeline in every:
            definitions.delete(tx, pipeline, keep_repo=keep_repo, force=True)
        return every


def _create(tx: Transaction, change: pps_pb2.CreatePipelineTransaction, runtime: str) -> PipelineInfo:
    """Create or update a pipeline from the JSON text if there is one, else from the message."""
    request = change.create_pipeline_request
    spec = _parse(change.user_json) if change.user_json else pps.to_spec(request)
    return definitions.create(
        tx,
        {key: value for key, value in spec.items() if key not in _MODIFIERS},
        user_spec_json=change.user_json,
        update=request.update,
        reprocess=request.reprocess,
        runtime=runtime,
    )


def _effective(info: PipelineInfo) -> pps_pb2.CreatePipelineV2Response:
    return pps_pb2.CreatePipelineV2Response(effective_create_pipeline_request_json=info.effective_spec_json)


def _change(request: pps_pb2.CreatePipelineV2Request) -> pps_pb2.CreatePipelineTransaction:
    """Return a V2 request as a transaction holds it: the text, and as much of it as the message has fields for."""
    text = request.create_pipeline_request_json
    spec = _parse(text)
    message = pps_pb2.CreatePipelineRequest()
    try:
        json_format.ParseDict(spec, message, ignore_unknown_fields=True)
    except json_format.ParseError:
        # What is wrong is told when the spec is checked, with every other mistake in it.
        message.Clear()
        message.dry_run = spec.get("dry_run") is True or spec.get("dryRun") is True
    message.update = request.update or spec.get("update") is True
    message.reprocess = request.reprocess or spec.get("reprocess") is True
    return pps_pb2.CreatePipelineTransaction(create_pipeline_request=message, user_json=text)


def _parse(text: str) -> dict[str, Any]:
    try:
        spec = load_json(text)
    except InvalidError as error:
        raise InvalidError(f"could not unmarshal the pipeline specification: {error}") from None
    if not isinstance(spec, dict):
        raise InvalidError("could not unmarshal the pipeline specification: it must be a JSON object")
    return spec
