"""What a server does in the background for its own good: it merges packs, sends its heartbeat, and deletes log lines
that are too old or too many."""

from __future__ import annotations

from datetime import timedelta

from hathi.metadata.database import Database
from hathi.metadata.ledger import BEAT_SECONDS, DatabaseLedger
from hathi.pipelines.logs import Logs
from hathi.server.config import Settings
from hathi.storage.chunks.maintenance import MaintainedChunks
from hathi.supervision import Supervisor, Ticker

PAUSE_SECONDS = 5.0
"""Between looks: merging is cheap when there is nothing to merge, and never urgent."""

PRUNE_SECONDS = 600.0
"""Between looks for log lines to delete."""


def log_pruning(supervisor: Supervisor, database: Database, logs: Logs, settings: Settings) -> Ticker:
    """Make the task that deletes log lines as the settings say."""
    days, size = timedelta(days=settings.log_days), settings.log_megabytes << 20

    def prune() -> None:
        logs.delete_unknown(database)
        logs.prune(database.clock() - days, size)

    return supervisor.every("pruning logs", PRUNE_SECONDS, prune)


def pack_merging(supervisor: Supervisor, chunks: MaintainedChunks) -> Ticker:
    """Make the task that merges packs and their indexes, one merge a call."""
    return supervisor.every("merging packs", PAUSE_SECONDS, chunks.compact)


def holder_heartbeat(supervisor: Supervisor, ledger: DatabaseLedger) -> Ticker:
    """Make the task that tells other processes that this one lives, so that what it has not named yet is kept."""

    def beat() -> bool:
        ledger.beat()
        return False

    return supervisor.every("holder heartbeat", BEAT_SECONDS, beat)
