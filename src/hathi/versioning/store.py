"""The store: what versioned data stands on, in one value that operations and controllers are handed.

Operations on names take a transaction; operations on bytes take the store, because bytes are written before the
transaction that names them begins.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from hathi.metadata.database import Database
from hathi.metadata.ledger import DatabaseLedger
from hathi.storage.chunks.store import Chunks
from hathi.versioning.locks import Locks
from hathi.versioning.steps import Steps


@dataclass(frozen=True)
class Store:
    """Everything below pipelines and doors. One for each process; thread-safe.

    steps: what others want to be told inside transactions; registered while the program is put together.
    """

    db: Database
    chunks: Chunks
    ledger: DatabaseLedger
    steps: Steps = field(default_factory=Steps)
    locks: Locks = field(default_factory=Locks)

    def __post_init__(self) -> None:
        self.db.shared[Steps.NOTE] = self.steps
