"""What is stored, and giving space back."""

from __future__ import annotations

import time
from collections.abc import Iterator
from itertools import chain, islice

from hathi.server.garbage import Garbage
from hathi.server.grpc.backend import Backend
from hathi.server.grpc.calls import Call
from hathi.storage.garbage.collection import Phase
from hathi.storage.garbage.plan import Plan
from hathi.storage.garbage.schedule import State
from hathi.wire.gen import hathi_pb2

_FIRST = 1000
"""Packs that an answer lists at most: about 100 KiB."""

_REPORT_SECONDS = 5.0
"""Between messages while nothing changes: a client that left is noticed, and one that is there sees life."""


class Storage:
    """Serves `hathi_v1.Storage`."""

    def __init__(self, backend: Backend) -> None:
        self._garbage: Garbage = backend.garbage

    def Usage(self, request: hathi_pb2.UsageRequest, call: Call) -> hathi_pb2.UsageResponse:
        """Return what is stored."""
        usage = self._garbage.usage()
        answer = hathi_pb2.UsageResponse(
            stored_bytes=usage.stored, logical_bytes=usage.logical, unused_bytes=usage.unused
        )
        if usage.measured is not None:
            answer.measured.FromDatetime(usage.measured)
        return answer

    def Collect(self, request: hathi_pb2.CollectRequest, call: Call) -> Iterator[hathi_pb2.CollectResponse]:
        """Collect garbage, or find out what there is of it."""
        with call.waiting():
            yield from self._rehearse(call) if request.dry_run else self._collect(call)

    def _collect(self, call: Call) -> Iterator[hathi_pb2.CollectResponse]:
        scheduler = self._garbage.scheduler
        number = scheduler.request()
        call.on_leave(scheduler.nudge)
        for state in scheduler.follow(number, _REPORT_SECONDS, call.cancelled):
            yield _progress(state, done=state.ended >= number)

    def _rehearse(self, call: Call) -> Iterator[hathi_pb2.CollectResponse]:
        told = float("-inf")
        for plan in self._garbage.rehearse():
            if plan is not None:
                yield hathi_pb2.CollectResponse(plan=_plan(plan), done=True)
            elif time.monotonic() - told > _REPORT_SECONDS:
                told = time.monotonic()
                yield hathi_pb2.CollectResponse(phase=Phase.MARKING.value)
            if call.cancelled():
                return


def _progress(state: State, *, done: bool) -> hathi_pb2.CollectResponse:
    answer = hathi_pb2.CollectResponse(phase=state.phase.value if state.phase else "", done=done)
    if done and state.outcome is not None:
        answer.plan.CopyFrom(_plan(state.outcome.plan))
        answer.freed_bytes, answer.packs, answer.orphans = (
            state.outcome.freed,
            state.outcome.packs,
            state.outcome.orphans,
        )
    return answer


def _plan(plan: Plan) -> hathi_pb2.CollectPlan:
    return hathi_pb2.CollectPlan(
        packs=plan.packs,
        stored_bytes=plan.stored,
        used_bytes=plan.used,
        frees_bytes=plan.frees,
        drop_packs=len(plan.drop),
        rewrite_packs=len(plan.rewrite),
        first=[
            hathi_pb2.PlannedPack(name=pack.name, size=pack.size, used_bytes=pack.used if pack.chunks else 0)
            for pack in islice(chain(plan.drop, plan.rewrite), _FIRST)
        ],
    )
