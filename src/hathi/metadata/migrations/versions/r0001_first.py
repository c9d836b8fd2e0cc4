"""Everything that the first release has.

Until that release the tables are still being drawn, so this revision makes whatever is declared. From then on it is
frozen and each change of a table is a revision of its own.
"""

from __future__ import annotations

from alembic import op

from hathi.metadata.tables import metadata

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make every table."""
    metadata.create_all(op.get_bind())
