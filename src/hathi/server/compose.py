"""The wiring of one server: the only place that knows storage and metadata, pipelines and runtimes, all at once.

Parts are made bottom-up, started bottom-up and stopped top-down: doors close before controllers end, controllers before
workers, workers before the stores they report to.
"""

from __future__ import annotations

import logging
import os
import socket
from collections.abc import Callable
from contextlib import ExitStack
from datetime import timedelta
from pathlib import Path

from sqlalchemy import select

from hathi.metadata import installation
from hathi.metadata.database import Database
from hathi.metadata.dialects import sqlite_file
from hathi.metadata.installation import Installation
from hathi.metadata.ledger import DatabaseLedger
from hathi.metadata.tables.storage import packs
from hathi.model.errors import UnavailableError
from hathi.model.worker_tokens import WorkerTokens
from hathi.pipelines import meta_tree, references
from hathi.pipelines.births import register
from hathi.pipelines.controllers import Controllers
from hathi.pipelines.logs import Logs
from hathi.runtimes.keeping.place import Place
from hathi.runtimes.keeping.shares import most_workers
from hathi.server import identity, root_folder, runtimes, worker_key
from hathi.server.config import Settings
from hathi.server.garbage import Garbage
from hathi.server.grpc.admission import Admission
from hathi.server.grpc.backend import Backend
from hathi.server.grpc.fetch import parse_rules
from hathi.server.grpc.serving import GrpcServer
from hathi.server.grpc.stalls import StreamLimits
from hathi.server.housekeeping import holder_heartbeat, log_pruning, pack_merging
from hathi.server.logging import configure, kept
from hathi.server.ownership import Ownership
from hathi.storage.chunks.maintenance import MaintainedChunks
from hathi.storage.objects.local import LocalStore
from hathi.storage.segments import SegmentLog
from hathi.supervision import Supervisor
from hathi.versioning.finishing import Finisher
from hathi.versioning.store import Store

log = logging.getLogger("hathi.server")


class Server:
    """One pachd. `start` returns when it serves; `stop` returns when everything of it has ended.

    supervisor: knows what it does in the background, and what of that fails.
    """

    def __init__(self, settings: Settings, lost: Callable[[str], object] = log.critical) -> None:
        """lost: called with the reason, from a thread, when the server must not go on; it is to be stopped then."""
        self.settings = settings
        self.supervisor = Supervisor()
        self._lost = lost
        self._parts = ExitStack()
        self._address = ""

    def start(self) -> str:
        """Begin to serve and return `host:port`.

        Raises HathiError when the root folder, the database or the port cannot be had, or do not belong together.
        """
        try:
            with ExitStack() as parts:  # what was started is stopped again when a later part cannot be
                address = self._start(parts)
                self._parts = parts.pop_all()
        except OSError as error:
            raise UnavailableError(root_folder.explain(error, self.settings.root)) from error
        log.info("serving %s at %s", self.settings.root, address)
        return address

    def stop(self) -> None:
        """Stop all parts, the doors first. Does nothing when the server does not run."""
        self._parts.close()

    def _start(self, parts: ExitStack) -> str:
        settings = self.settings
        fetching = parse_rules(settings.fetch_allow)
        configure(settings.log_format)
        root_folder.hold(settings.root, parts)
        objects = LocalStore(settings.objects)
        _refuse_lost_database(settings, objects)
        supervisor = self.supervisor
        database = Database.open(settings.database_url, supervisor=supervisor)
        parts.callback(database.close)
        cluster = _installation(settings, database, objects)
        if not _beside(settings):
            ownership = Ownership(database, settings.root, supervisor, self._lost)
            ownership.start()
            parts.callback(ownership.stop)
        ledger = DatabaseLedger(database, name=f"{socket.gethostname()} {os.getpid()}")
        ledger.end_other_servers()
        chunks = MaintainedChunks(objects, ledger)
        parts.callback(ledger.close)
        parts.callback(chunks.close)
        store = Store(database, chunks, ledger)
        register(store)
        meta_tree.register(store)
        references.register(store)
        segments = SegmentLog(settings.logs)
        parts.callback(segments.close)
        logs = Logs(segments, database.feed)
        parts.enter_context(kept(logs.append_own))
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
        backend = Backend(store, objects, logs, runtime, cluster, tokens, garbage, fetching, supervisor)
        server = GrpcServer(backend, settings.host, settings.port, admission)
        for part in (heartbeat, finisher, controllers, merging, pruning, garbage):
            part.start()
            parts.callback(part.stop)
        self._address = server.start()
        parts.callback(server.stop)
        return self._address


def _refuse_lost_database(settings: Settings, objects: LocalStore) -> None:
    """Raise PreconditionError where the file of a SQLite database is gone but objects are there.

    Before the file is made anew: whoever restores the database should find no other one in its place.
    """
    path = sqlite_file(settings.database_url)
    if path is not None and (not path.exists() or path.stat().st_size == 0) and _has_objects(objects):
        word = root_folder.read_word(settings.root / identity.FILE)
        identity.cluster_id(
            identity.Found(settings.root, word, settings.objects, True, str(path), _beside(settings), None)
        )


def _installation(settings: Settings, database: Database, objects: LocalStore) -> str:
    """Return the id of what is stored here, after a check that root folder, database and objects belong together."""
    path = settings.root / identity.FILE
    location = "" if _beside(settings) else objects.location()
    with database.write() as tx:
        row = installation.find(tx)
        found = identity.Found(
            root=settings.root,
            word=root_folder.read_word(path),
            objects=settings.objects,
            has_objects=_has_objects(objects),
            database=database.name,
            beside=_beside(settings),
            row=row,
            has_packs=row is not None and tx.connection.execute(_ANY_PACK).first() is not None,
            copy=_copied_from(row, location),
        )
        cluster = identity.cluster_id(found)
        if found.word is None:
            root_folder.write_word(path, cluster)
        if row is None:
            installation.create(tx, cluster, location)
        elif row.location != location:
            log.warning("the objects have moved from %s to %s", row.location or "beside the database", location)
            installation.move(tx, location)
    return cluster


def _beside(settings: Settings) -> bool:
    """Return whether the database lies in the root folder, and so moves, and is locked, with it."""
    path = sqlite_file(settings.database_url)
    return path is not None and path.resolve().is_relative_to(settings.root.resolve())


def _copied_from(row: Installation | None, location: str) -> str:
    """Return the root folder whose copy ours is: it is elsewhere, and still there; "" when there is none."""
    if row is None or not row.location or row.location == location:
        return ""
    other = Path(row.location).parent
    try:
        return str(other) if root_folder.read_word(other / identity.FILE) == row.cluster_id else ""
    except OSError:
        return ""


def _has_objects(objects: LocalStore) -> bool:
    return next(iter(objects.list()), None) is not None


_ANY_PACK = select(packs.c.name).limit(1)
