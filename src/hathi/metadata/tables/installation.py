"""The table that says whose database this is: one row, made when a server first uses it."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, Integer, String, Table, Text

from hathi.metadata.tables.base import Json, metadata

installation = Table(
    "installation",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("cluster_id", String(32), nullable=False),
    Column("location", Text, nullable=False),  # of the objects; "" when they lie beside the database and move with it
    # The pachd that works on it now, null when none does, and a number that grows with each of its heartbeats.
    Column("owner_id", String(32)),
    Column("owner", Json),
    Column("beat", BigInteger, nullable=False, default=0, server_default="0"),
)
