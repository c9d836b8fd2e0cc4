"""All tables, by who uses them; importing this package fills `metadata`, from which a database is made."""

from hathi.metadata.tables import installation, pfs, pps, storage
from hathi.metadata.tables.base import metadata

__all__ = ["installation", "metadata", "pfs", "pps", "storage"]
