"""Who may call `hathi_v1.Workers`: workers, each with a token for its own pipeline.

Without this, any process of the machine could claim work and forge its results, user code included. A token is good
for the claims, reports and log lines of one pipeline, or of one version of it; for new objects, which can only be
packs; and for reading objects while the pipeline has work at hand. Which objects is not looked at: packs are shared by
all that is stored, so a worker that reads through the server can read any of it.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Any

from hathi.metadata.ledger import WORKER
from hathi.model.errors import NotFoundError
from hathi.model.packs import PACKS, holder_of
from hathi.model.quoting import excerpt
from hathi.model.references import Pipeline
from hathi.model.worker_tokens import Scope, WorkerTokens
from hathi.pipelines import work
from hathi.server.grpc.calls import Call
from hathi.versioning.store import Store
from hathi.wire.errors import DeniedError, UnauthenticatedError

REMEMBERED_SECONDS = 5.0
"""How long it is believed that a pipeline has work at hand: reads are many."""

REMEMBERED = 10_000
"""So many claims, and so many holders, are remembered with their groups."""


class WorkerAccess:
    """Checks each request to `hathi_v1.Workers`. Thread-safe."""

    def __init__(self, store: Store, tokens: WorkerTokens, clock: Callable[[], float] = time.monotonic) -> None:
        self._store = store
        self._tokens = tokens
        self._clock = clock
        self._lock = threading.Lock()
        self._at_work: dict[Pipeline, float] = {}
        self._claims: dict[str, str] = {}
        self._holders: dict[str, str] = {}
        self._checks: dict[str, Callable[[Scope, Any], None]] = {
            "Claim": self._claim,
            "OpenHolder": self._claim,
            "BeatHolder": self._held,
            "EndHolder": self._held,
            "Beat": self._claimed,
            "Report": self._report,
            "AppendLogs": self._append_logs,
            "ReadObject": self._read_object,
            "WriteObject": self._write_object,
        }

    def __call__(self, method: str, request: Any, call: Call) -> None:
        """Raise UnauthenticatedError or DeniedError unless the caller may send this request."""
        scope = self._tokens.read(call.token)
        if scope is None:
            raise UnauthenticatedError(
                "only workers with a token of their pipeline may call this; print one on the server's machine with "
                "pachd --worker-token PIPELINE, and give it to hathi-worker in HATHI_WORKER_TOKEN"
            )
        if (check := self._checks.get(method)) is not None:
            check(scope, request)

    def _claim(self, scope: Scope, request: Any) -> None:
        self._check_group(scope, request.group)

    def _claimed(self, scope: Scope, request: Any) -> None:
        """A claim that is not known has lapsed, which its holder is to learn as an answer and not as a refusal."""
        group = self._remembered(self._claims, request.claim_id, self._group_of_claim)
        if group:
            self._check_group(scope, group)

    def _report(self, scope: Scope, request: Any) -> None:
        self._claimed(scope, request)
        self._check_holder(scope, request.holder_id)
        for pack in request.packs:
            if holder_of(pack.name) != request.holder_id:
                raise DeniedError(f"pack {excerpt(pack.name)} was written by another process than reports it")

    def _held(self, scope: Scope, request: Any) -> None:
        self._check_holder(scope, request.id)

    def _check_holder(self, scope: Scope, id: str) -> bool:
        """Let nobody speak for another process: everybody can read the ids of holders in the keys of packs.

        Returns whether the holder is known; one that is not was taken for dead.
        """
        group = self._remembered(self._holders, id, self._group_of_holder)
        if group:
            self._check_group(scope, group)
        return bool(group)

    def _group_of_claim(self, id: str) -> str:
        return work.group_of(self._store, id)

    def _group_of_holder(self, id: str) -> str:
        """Return the group of a worker's holder; "" when it is not known, another text when it is no worker's."""
        found = self._store.ledger.find_holder(id)
        if found is None:
            return ""
        kind, name = found
        return name.partition(" ")[0] if kind == WORKER else f"the {kind}"

    def _remembered(self, known: dict[str, str], id: str, find: Callable[[str], str]) -> str:
        """Return the group of a claim or holder, which never changes; "" is not remembered."""
        with self._lock:
            group = known.get(id, "")
        if not group and id and (group := find(id)):
            with self._lock:
                if len(known) >= REMEMBERED:
                    known.clear()
                known[id] = group
        return group

    def _append_logs(self, scope: Scope, request: Any) -> None:
        pipeline = Pipeline(request.project, request.pipeline)
        if scope.pipeline != pipeline:
            raise DeniedError(f"this worker's token is for {scope.group}, not for {excerpt(str(pipeline))}")

    def _read_object(self, scope: Scope, request: Any) -> None:
        pipeline = scope.pipeline
        if self._at_work.get(pipeline, 0.0) > self._clock():
            return
        try:
            with self._store.db.read() as tx:
                at_work = bool(work.holders(tx, pipeline))
        except NotFoundError:
            at_work = False
        if not at_work:
            raise DeniedError(f"pipeline {pipeline} has no work at hand: its workers may read nothing now")
        self._at_work[pipeline] = self._clock() + REMEMBERED_SECONDS

    def _write_object(self, scope: Scope, request: Any) -> None:
        if not request.key:
            return  # a later message of the stream
        if not request.key.startswith(PACKS):
            raise DeniedError(f"workers write packs only, and {excerpt(request.key)} is none")
        if not self._check_holder(scope, holder_of(request.key)):
            raise DeniedError(f"{excerpt(request.key)} is a pack of no known worker: it was out of touch for too long")

    def _check_group(self, scope: Scope, group: str) -> None:
        if not scope.covers(group):
            raise DeniedError(f"this worker's token is for {scope.group}, not for {excerpt(group)}")
