"""The store: what versioned data stands on, in one value that operations and controllers are handed.

Operations on names take a transaction; operations on bytes take the store, because bytes are written before the
transaction that names them begins.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from hathi.metadata.database import Database
from hathi.metadata.ledger import DatabaseLedger
from hathi.storage.chunks.maintenance import MaintainedChunks
from hathi.storage.filesets.nodes import Nodes
from hathi.storage.garbage.tracing import TreeKinds
from hathi.versioning.drafts import Drafts
from hathi.versioning.locks import Locks
from hathi.versioning.projections import Projections
from hathi.versioning.roots import Roots
from hathi.versioning.steps import Steps

REMEMBERED_ENTRIES = 100_000
"""Decoded tree entries shared by all readers; about 25 MB when all of them are files of one chunk."""


@dataclass(frozen=True)
class Store:
    """Everything below pipelines and doors. One for each process; thread-safe.

    ledger: that of `chunks`. steps: what others want to be told inside transactions; projections: how commits that hold
    no files are shown as files; roots, trees: where roots are named and what trees refer to, for garbage collection.
    All four are registered while the program is put together. nodes: what readers of trees share. drafts: the trees of
    open commits.
    """

    db: Database
    chunks: MaintainedChunks
    ledger: DatabaseLedger
    steps: Steps = field(default_factory=Steps)
    locks: Locks = field(default_factory=Locks)
    projections: Projections = field(default_factory=Projections)
    roots: Roots = field(default_factory=Roots)
    trees: TreeKinds = field(default_factory=TreeKinds)
    nodes: Nodes = field(init=False)
    drafts: Drafts = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "nodes", Nodes(self.chunks, remember=REMEMBERED_ENTRIES))
        object.__setattr__(self, "drafts", Drafts(self.chunks))
        self.db.shared[Steps.NOTE] = self.steps
