"""What the doors open to: the core of one server, put together by `server.compose`."""

from __future__ import annotations

from dataclasses import dataclass, field

from hathi.model.worker_tokens import WorkerTokens
from hathi.pipelines.logs import Logs
from hathi.runtimes.interface import Runtime
from hathi.server.garbage import Garbage
from hathi.server.grpc.fetch import FetchRules
from hathi.storage.objects.interface import ObjectStore
from hathi.supervision import Supervisor
from hathi.versioning.store import Store


@dataclass(frozen=True)
class Backend:
    """cluster_id: 32 hex digits that stay the same for the life of the stored data. tokens: of workers.
    garbage: collects it. fetching: from where URLs may be put. supervisor: knows what fails in the background.
    """

    store: Store
    objects: ObjectStore
    logs: Logs
    runtime: Runtime
    cluster_id: str
    tokens: WorkerTokens
    garbage: Garbage
    fetching: FetchRules = field(default_factory=FetchRules)
    supervisor: Supervisor = field(default_factory=Supervisor)
