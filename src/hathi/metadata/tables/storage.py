"""Tables of packs, pack indexes and their holders: all that the database knows about bytes at rest.

Where a chunk is stored is said by the packs and indexes themselves; here is recorded which of them are live. The words
are those of `model/packs.py`.
"""

from __future__ import annotations

from sqlalchemy import BigInteger, Boolean, Column, Index, Integer, LargeBinary, String, Table, false

from hathi.metadata.tables.base import RowId, UtcTime, metadata

packs = Table(
    "packs",
    metadata,
    Column("name", String, primary_key=True),
    Column("size", BigInteger, nullable=False),
    Column("chunks", BigInteger, nullable=False),
    Column("since", BigInteger, nullable=False, index=True),  # version of the catalogue in which this row changed
    Column("condemned", BigInteger, index=True),  # version in which it was condemned; null: in use, or gone
    Column("superseded", Boolean, nullable=False, default=False, server_default=false()),
    Column("gone", Boolean, nullable=False, default=False, server_default=false()),
    Index("ix_packs_gone_since", "gone", "since"),
)

pack_indexes = Table(
    "pack_indexes",
    metadata,
    Column("name", String, primary_key=True),
    Column("size", BigInteger, nullable=False),
    Column("chunks", BigInteger, nullable=False),
    Column("since", BigInteger, nullable=False, index=True),
    Column("gone", Boolean, nullable=False, default=False, server_default=false()),
    Index("ix_pack_indexes_gone_since", "gone", "since"),
)

catalogue = Table(
    "catalogue",
    metadata,
    # One row. `version` grows with every change to the two tables above, so that a reader can ask cheaply.
    Column("id", Integer, primary_key=True),
    Column("version", BigInteger, nullable=False),
    Column("purged", BigInteger, nullable=False, default=0),  # rows of what went up to this version are deleted
    Column("collecting", BigInteger),  # version at which the collection that is under way began, else null
)

holders = Table(
    "holders",
    metadata,
    Column("id", String, primary_key=True),
    Column("kind", String, nullable=False),  # "server" or "worker"
    Column("name", String, nullable=False),  # for people
    Column("expires", UtcTime, nullable=False, index=True),
    Column("oldest", BigInteger, nullable=False),  # no pin of it is older, now and until it says otherwise
)

named_roots = Table(
    "named_roots",
    metadata,
    # Roots that transactions named since the collection under way began.
    Column("seq", RowId, primary_key=True, autoincrement=True),
    Column("kind", String, nullable=False),  # schema of the tree: files, run, datums
    Column("root", LargeBinary, nullable=False),
)

storage_usage = Table(
    "storage_usage",
    metadata,
    # One row, made by the first measurement or deletion.
    Column("id", Integer, primary_key=True),
    Column("measured", UtcTime),  # when garbage was last collected or looked for
    Column("version", BigInteger, nullable=False, default=-1),  # of the catalogue at that time
    Column("logical", BigInteger, nullable=False, default=0),  # bytes of all commits at that time
    Column("unused", BigInteger, nullable=False, default=0),  # bytes that a collection would have freed at that time
    Column("deleted", BigInteger, nullable=False, default=0),  # bytes deleted since, about
)
