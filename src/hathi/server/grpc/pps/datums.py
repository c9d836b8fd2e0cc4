"""Datums over gRPC."""

from __future__ import annotations

from collections.abc import Iterator

from google.protobuf.empty_pb2 import Empty

from hathi.model.errors import InvalidError
from hathi.model.pps import DatumState
from hathi.pipelines import datums
from hathi.server.grpc.calls import Call
from hathi.server.grpc.paging import at_most
from hathi.versioning.store import Store
from hathi.wire.convert import pps
from hathi.wire.gen import pps_pb2


class Datums:
    """Datums."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def InspectDatum(self, request: pps_pb2.InspectDatumRequest, call: Call) -> pps_pb2.DatumInfo:
        """Tell about a datum of a job."""
        if not request.datum.id:
            raise InvalidError("datum must have an id")
        return pps.datum_info_message(datums.inspect(self._store, pps.to_job(request.datum.job), request.datum.id))

    def ListDatum(self, request: pps_pb2.ListDatumRequest, call: Call) -> Iterator[pps_pb2.DatumInfo]:
        """Tell about the datums of a job, or those that an input would make."""
        states = [_state(number) for number in request.filter.state]
        after, number, reverse = request.paginationMarker, at_most(request.number), request.reverse
        if not request.HasField("input"):
            job = pps.to_job(request.job)
            found = datums.list_datums(self._store, job, states=states, after=after, number=number, reverse=reverse)
        elif request.HasField("job"):
            raise InvalidError("cannot specify both job and input")
        else:
            found = datums.preview(
                self._store,
                pps.to_input(request.input),
                states=states,
                after=after,
                number=number,
                reverse=reverse,
                cancelled=call.cancelled,
            )
        yield from map(pps.datum_info_message, found)

    def RestartDatum(self, request: pps_pb2.RestartDatumRequest, call: Call) -> Empty:
        """Stop datums at hand, so that they are tried again."""
        datums.restart(self._store, pps.to_job(request.job), list(request.data_filters))
        return Empty()


def _state(number: int) -> DatumState:
    try:
        return DatumState(number)
    except ValueError:
        raise InvalidError(f"unknown datum state {number}") from None
