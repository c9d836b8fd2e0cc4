"""One pachd works on a database at a time: it holds it by heartbeats, and stops writing when it may have lost it.

Another start waits until the holder is surely dead: at once where its process can be seen to be gone, or where we have
the lock of its root folder; else after no heartbeat has come for as long as the holder would need to notice that it
cannot renew. No clock of another machine is trusted, heartbeats are counted. A database that lies in the root folder is
held by the lock of that folder alone.
"""

from __future__ import annotations

import logging
import os
import socket
import time
from collections.abc import Callable
from pathlib import Path

from hathi.metadata import installation
from hathi.metadata.database import Database
from hathi.metadata.installation import Owner
from hathi.model.errors import PreconditionError, UnavailableError
from hathi.model.ids import new_id
from hathi.supervision import Backoff, Supervisor

log = logging.getLogger("hathi.server")

BEAT_SECONDS = 5.0
"""Between two heartbeats."""

FENCE_SECONDS = 20.0
"""Without a heartbeat for so long, the holder writes no more."""

LEASE_SECONDS = 30.0
"""How long a start watches a holder that cannot be seen to be dead; longer than the fence by more than any COMMIT."""

LOOK_SECONDS = 1.0
"""How often a waiting start looks for a heartbeat."""


class Ownership:
    """This process's hold on a database.

    lost: called with the reason, from a thread, when another pachd has taken over.
    """

    def __init__(
        self,
        database: Database,
        root: Path,
        supervisor: Supervisor,
        lost: Callable[[str], object],
        *,
        clock: Callable[[], float] = time.monotonic,
        pause: Callable[[float], object] = time.sleep,
    ) -> None:
        """clock: in seconds. pause: waits so many seconds."""
        self.owner = describe(root)
        self._database = database
        self._lost = lost
        self._clock = clock
        self._pause = pause
        self._confirmed = clock()
        self._gone = ""
        backoff = Backoff(BEAT_SECONDS / 5, BEAT_SECONDS)
        self._beats = supervisor.every("holding the database", BEAT_SECONDS, self.beat, backoff=backoff)

    def start(self) -> None:
        """Take the database, waiting for the end of a holder that may be dead. PreconditionError when it lives."""
        self._take()
        self._database.fence = self.check
        self._beats.start()

    def stop(self) -> None:
        """Let go of the database."""
        self._beats.stop()
        try:
            with self._database.write() as tx:
                installation.release(tx, self.owner)
        except UnavailableError as error:
            log.warning("the database could not be released, so the next start may have to wait: %s", error)

    def check(self) -> None:
        """Return while we surely hold the database; UnavailableError otherwise."""
        if self._gone:
            raise UnavailableError(self._gone)
        if self._clock() - self._confirmed > FENCE_SECONDS:
            raise UnavailableError(
                f"this pachd could not renew its hold on the database for {FENCE_SECONDS:g} s, so it writes nothing; "
                "try again"
            )

    def beat(self) -> None:
        """Renew the hold once."""
        sent = self._clock()
        if self._database.at_once(installation.BEAT, {"holder": self.owner.id}):
            self._confirmed = sent
        elif not self._gone:
            with self._database.read() as tx:
                row = installation.find(tx)
            by = row.owner if row and row.owner else "somebody"
            self._gone = f"{by} has taken over the database from this pachd, which serves no more"
            self._lost(self._gone)

    def _take(self) -> None:
        began = self._clock()
        first: tuple[str, int] | None = None
        while True:
            sent = self._clock()
            with self._database.write() as tx:
                row = installation.find(tx)
                holder = row.owner if row else None
                waited = first is not None and self._clock() - began >= LEASE_SECONDS
                if row is None or holder is None or is_dead(holder, self.owner) or waited:
                    installation.take(tx, self.owner)
                    self._confirmed = sent
                    return
            if first is None:
                first = (holder.id, row.beat)
                log.warning("the database may be in use by %s: watching it for up to %g s", holder, LEASE_SECONDS)
            elif first != (holder.id, row.beat):
                raise PreconditionError(
                    f"the database is in use by {holder}; stop that one, or choose another --database and --root"
                )
            self._pause(LOOK_SECONDS)


def describe(root: Path) -> Owner:
    """Return the description of this process."""
    status = root.stat()
    return Owner(
        id=new_id(),
        host=socket.gethostname(),
        boot=_read(Path("/proc/sys/kernel/random/boot_id")),
        pid_space=_pid_space(),
        pid=os.getpid(),
        began=process_began(os.getpid()),
        root=str(root),
        folder=f"{status.st_dev}:{status.st_ino}",
    )


def is_dead(owner: Owner, me: Owner, began: Callable[[int], int] | None = None) -> bool:
    """Return whether an owner can be seen to be dead by `me`, who holds the lock of its own root folder.

    began: when a process of ours began; 0 when there is none.
    """
    if not owner.boot or owner.boot != me.boot:
        return False
    if owner.folder == me.folder:
        return True
    if not owner.began or not owner.pid_space or owner.pid_space != me.pid_space:
        return False
    return (began or process_began)(owner.pid) != owner.began


def process_began(pid: int) -> int:
    """Return when a process began, in the kernel's ticks since its start; 0 when that cannot be known."""
    fields = _read(Path(f"/proc/{pid}/stat")).rpartition(")")[2].split()
    return int(fields[19]) if len(fields) > 19 else 0


def _pid_space() -> str:
    try:
        return str(Path("/proc/self/ns/pid").readlink())
    except OSError:
        return ""


def _read(path: Path) -> str:
    try:
        return path.read_text().strip()
    except OSError:
        return ""
