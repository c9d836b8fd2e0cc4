"""The wiring of one server: the only place that knows storage and metadata, pipelines and runtimes, all at once.

Parts are made bottom-up, started bottom-up and stopped top-down: doors close before controllers end, controllers before
workers, workers before the stores they report to.
"""

from __future__ import annotations

import fcntl
import logging
import os
import stat
import uuid
from contextlib import ExitStack
from datetime import timedelta
from pathlib import Path

from hathi.metadata.database import Database
from hathi.metadata.ledger import DatabaseLedger
from hathi.model.errors import PreconditionError, UnavailableError
from hathi.model.worker_tokens import WorkerTokens
from hathi.pipelines import meta_tree, references
from hathi.pipelines.births import register
from hathi.pipelines.controllers import Controllers
from hathi.pipelines.logs import Logs
from hathi.runtimes.keeping.place import Place
from hathi.runtimes.keeping.shares import most_workers
from hathi.server import runtimes, worker_key
from hathi.server.config import Settings
from hathi.server.garbage import Garbage
from hathi.server.grpc.admission import Admission
from hathi.server.grpc.backend import Backend
from hathi.server.grpc.fetch import parse_rules
from hathi.server.grpc.serving import GrpcServer
from hathi.server.grpc.stalls import StreamLimits
from hathi.server.housekeeping import holder_heartbeat, log_pruning, pack_merging
from hathi.server.logging import configure
from hathi.storage.chunks.store import Chunks
from hathi.storage.objects.local import LocalStore
from hathi.storage.segments import SegmentLog
from hathi.supervision import Supervisor
from hathi.versioning.finishing import Finisher
from hathi.versioning.store import Store

log = logging.getLogger("hathi.server")


class Server:
    """One pachd. `start` returns when it serves; `stop` returns when everything of it has ended."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self._parts = ExitStack()
        self._address = ""

    def start(self) -> str:
        """Begin to serve and return `host:port`. Raises HathiError when the root folder or the port cannot be had."""
        with ExitStack() as parts:  # what was started is stopped again when a later part cannot be
            address = self._start(parts)
            self._parts = parts.pop_all()
        log.info("serving %s at %s", self.settings.root, address)
        return address

    def stop(self) -> None:
        """Stop all parts, the doors first. Does nothing when the server does not run."""
        self._parts.close()

    def _start(self, parts: ExitStack) -> str:
        settings = self.settings
        fetching = parse_rules(settings.fetch_allow)
        configure(settings.log_format)
        _own(settings.root, parts)
        supervisor = Supervisor()
        database = Database.open(settings.database_url, supervisor=supervisor)
        parts.callback(database.close)
        objects = LocalStore(settings.objects)
        ledger = DatabaseLedger(database)
        chunks = Chunks(objects, ledger)
        parts.callback(ledger.close)
        parts.callback(chunks.close)
        store = Store(database, chunks, ledger)
        register(store)
        meta_tree.register(store)
        references.register(store)
        segments = SegmentLog(settings.logs)
        parts.callback(segments.close)
        logs = Logs(segments, database.feed)
        cluster = _cluster_id(settings.root)
        hide = [settings.root, settings.objects, settings.logs]
        tokens = WorkerTokens(worker_key.load(settings.root))
        place = Place(
            address=lambda: self._address,
            scratch=settings.scratch,
            hide=hide,
            workers=settings.max_workers or most_workers(),
            processes=settings.max_processes,
            token=tokens.issue,
        )
        runtime = runtimes.make(settings, place, cluster, supervisor)
        parts.callback(runtime.close)
        if problem := runtime.check():
            log.warning("workers cannot run here: %s", problem)
        controllers = Controllers(store, runtime, logs, supervisor)
        finisher = Finisher(store, supervisor)
        merging = pack_merging(supervisor, chunks)
        heartbeat = holder_heartbeat(supervisor, ledger)
        pruning = log_pruning(supervisor, database, logs, settings)
        garbage = Garbage(store, supervisor, timedelta(seconds=settings.gc_interval))
        admission = Admission(limits=StreamLimits(idle=settings.stream_idle))
        backend = Backend(store, objects, logs, runtime, cluster, tokens, garbage, fetching)
        server = GrpcServer(backend, settings.host, settings.port, admission)
        for part in (heartbeat, finisher, controllers, merging, pruning, garbage):
            part.start()
            parts.callback(part.stop)
        self._address = server.start()
        parts.callback(server.stop)
        return self._address


def _own(root: Path, parts: ExitStack) -> None:
    """Make the root folder and lock it, since two servers on one folder would undo each other's work."""
    try:
        _keep_private(root)
        lock = parts.enter_context((root / "lock").open("w"))
    except OSError as error:
        raise UnavailableError(f"cannot use the root folder {root}: {error.strerror}") from None
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        raise PreconditionError(f"another pachd serves {root}; stop it, or choose another folder with --root") from None


def _keep_private(root: Path) -> None:
    """Make the root folder, or take an empty one, for its owner's eyes only. One with other things in it stays as it
    is: it may be a folder that others need.
    """
    root.parent.mkdir(parents=True, exist_ok=True)
    try:
        root.mkdir(mode=0o700)
        return
    except FileExistsError:
        pass
    mode = stat.S_IMODE(root.stat().st_mode)
    if mode & 0o077 and not any(root.iterdir()):
        root.chmod(0o700)
    elif mode & 0o077:
        log.warning("others may look into %s (its mode is %03o): chmod 700 %s", root, mode, root)


def _cluster_id(root: Path) -> str:
    """Return the id of what is stored in `root`: drawn when the folder is first used, the same ever after."""
    path = root / "cluster-id"
    if not path.exists():
        draft = path.with_suffix(".new")
        draft.write_text(uuid.uuid4().hex)
        draft.rename(path)
        descriptor = os.open(root, os.O_RDONLY)
        os.fsync(descriptor)
        os.close(descriptor)
    return path.read_text().strip()
