"""Alembic's configuration, made in code: there is no ini file to find at run time."""

from __future__ import annotations

from alembic.config import Config

from hathi.metadata.migrations import SCRIPTS


def configuration() -> Config:
    """Return where the migration scripts stand."""
    config = Config()
    config.set_main_option("script_location", str(SCRIPTS).replace("%", "%%"))
    return config
