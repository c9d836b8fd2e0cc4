"""Alembic's entry: run the migrations on the connection, and in the transaction, that the caller has open."""

from __future__ import annotations

from alembic import context

from hathi.metadata.tables import metadata

context.configure(connection=context.config.attributes["connection"], target_metadata=metadata)
context.run_migrations()
