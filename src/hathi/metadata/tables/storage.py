"""Tables of packs, pack indexes and leases: all that the database knows about bytes at rest.

Where a chunk stands is said by the packs and indexes themselves; here stands which of them are live.
"""

from __future__ import annotations

from sqlalchemy import BigInteger, Boolean, Column, Integer, String, Table, false

from hathi.metadata.tables.base import Json, UtcTime, metadata

packs = Table(
    "packs",
    metadata,
    Column("name", String, primary_key=True),
    Column("size", BigInteger, nullable=False),
    Column("chunks", BigInteger, nullable=False),
    Column("condemned", Boolean, nullable=False, default=False, server_default=false()),
    Column("since", BigInteger, nullable=False, index=True),  # version of the catalogue in which this row changed
)

pack_indexes = Table(
    "pack_indexes",
    metadata,
    Column("name", String, primary_key=True),
    Column("size", BigInteger, nullable=False),
    Column("chunks", BigInteger, nullable=False),
    Column("packs", Json, nullable=False),  # names of the packs it covers
)

catalogue = Table(
    "catalogue",
    metadata,
    # One row. `version` grows with every change to the two tables above, so that a reader can ask cheaply.
    Column("id", Integer, primary_key=True),
    Column("version", BigInteger, nullable=False),
    Column("purged", BigInteger, nullable=False, default=0),  # the last version in which a pack went away
    Column("indexed", BigInteger, nullable=False, default=0),  # the last version in which an index came or went
)

leases = Table(
    "leases",
    metadata,
    Column("id", String, primary_key=True),
    Column("expires", UtcTime, nullable=False, index=True),
)
