"""The Docker runtime: workers are processes beside pachd, each with a container that its user code runs in.

Containers carry the id of the root folder that they serve, and of the pachd that made them. What a dead pachd left is
found by that and removed as soon as the engine answers; nothing else on the engine is touched.
"""

from __future__ import annotations

import secrets
import threading
import time
import weakref
from collections.abc import Mapping, Sequence
from typing import Any

from hathi.engine.choosing import obtain
from hathi.engine.containers import Pauses
from hathi.engine.docker import Engine
from hathi.model.errors import HathiError
from hathi.runtimes.docker.companion import FIRST_PAUSE, LAST_PAUSE, Containers
from hathi.runtimes.keeping.companion import Companion, Life
from hathi.runtimes.keeping.keepers import Keepers
from hathi.runtimes.keeping.place import Place
from hathi.supervision import Backoff, Supervisor

CLUSTER_LABEL, SERVER_LABEL = "hathi.cluster", "hathi.server"

REMEMBERED_SECONDS = 1.0
"""How long the engine's answer to whether it is there counts."""


class DockerRuntime(Keepers):
    """A `Runtime` of containers; safe to call from any thread."""

    name = "docker"

    def __init__(
        self, place: Place, cluster: str, engine: Engine | None = None, supervisor: Supervisor | None = None
    ) -> None:
        """cluster: id of what is stored in the root folder."""
        supervisor = supervisor or Supervisor()
        super().__init__(place, self._accompany_one, supervisor)
        self._removals = supervisor.queue("removing containers", self._remove, subject=lambda id: f"container {id}")
        self._removals.start()
        self._listening = supervisor.record("container events", backoff=Backoff(FIRST_PAUSE, LAST_PAUSE))
        self._engine = engine or Engine()
        self._cluster = cluster
        self._server = secrets.token_hex(8)
        self._pulling = threading.Lock()
        self._sweeping = threading.Lock()
        self._swept = False
        self._ended = threading.Event()
        self._checked = (0.0, "")
        self._companions: weakref.WeakSet[Containers] = weakref.WeakSet()
        self._telling = threading.Lock()  # guards the set
        self._listener: threading.Thread | None = None
        self._pauses: Pauses | None = None
        try:
            self._sweep()
        except HathiError:
            pass  # before the first container is made, then

    def check(self) -> str:
        """Return "" when the engine answers, or a worker is ready nevertheless; else why it does not."""
        if any(status.ready for status in self.observe().values()):
            return ""
        when, problem = self._checked
        if time.monotonic() - when > REMEMBERED_SECONDS:
            try:
                self._engine.ping()
                problem = ""
            except HathiError as error:
                problem = str(error)
            self._checked = (time.monotonic(), problem)
        return problem

    def engine(self) -> str:
        """Return the engine's id, "" when it does not answer."""
        try:
            return self._engine.id()
        except HathiError:
            return ""

    def unenforced(self, resources: Mapping[str, Any]) -> Sequence[str]:
        """Return that everything is."""
        return ()

    def close(self) -> None:
        """Stop every worker and remove every container."""
        super().close()
        self._ended.set()
        self._removals.stop()
        if self._pauses is not None:
            self._pauses.close()

    def _accompany_one(self, life: Life) -> Companion:
        self._sweep()
        name = life.group.transform.get("image", "")
        with self._pulling:  # one pull of an image is enough for all workers that need it
            image = obtain(self._engine, name, life.ending.is_set)
            if self._listener is None:
                self._listener = threading.Thread(target=self._listen, name="pauses", daemon=True)
                self._listener.start()
        labels = {CLUSTER_LABEL: self._cluster, SERVER_LABEL: self._server}
        made = Containers(
            self._engine, image, life, labels, f"hathi-{self._cluster[:8]}", self._bury, self._place.processes
        )
        with self._telling:
            self._companions.add(made)
        return made

    def _listen(self) -> None:
        """Pass on which containers are paused and which go on, through ends of the engine."""
        pause = FIRST_PAUSE
        while not self._ended.wait(pause):
            try:
                self._pauses = self._engine.pauses(f"{SERVER_LABEL}={self._server}")
                self._listening.succeeded("")
                pause = FIRST_PAUSE
                if self._ended.is_set():
                    self._pauses.close()
                for id, paused in self._pauses:
                    with self._telling:
                        for each in self._companions:
                            each.paused(id, paused)
            except Exception as error:
                self._listening.failed("", error)
                pause = min(pause * 2, LAST_PAUSE)

    def _sweep(self) -> None:
        """Remove, once, what a pachd before us left."""
        with self._sweeping:
            if self._swept:
                return
            for id, labels in self._engine.labelled(f"{CLUSTER_LABEL}={self._cluster}"):
                if labels.get(SERVER_LABEL) != self._server:
                    self._engine.remove(id)
            self._swept = True

    def _bury(self, id: str) -> None:
        """Remove a container; later, when the engine does not answer now."""
        try:
            self._engine.remove(id)
        except HathiError:
            self._removals.add(id)

    def _remove(self, id: str) -> None:
        self._engine.remove(id)
