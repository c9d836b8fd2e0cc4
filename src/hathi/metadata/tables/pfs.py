"""Tables of versioned data: projects, repos, branches, commits, what provenance connects, and queued transactions.

Rows are joined by small integers that grow with time: a commit made later has a greater id, whatever the clock said. A
commit's files are one tree, named by `root`; while it is open they are its parent's tree and a sequence of `runs`.
"""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    String,
    Table,
    Text,
    UniqueConstraint,
    true,
)

from hathi.metadata.tables.base import Choice, Json, RowId, UtcTime, metadata
from hathi.model.infos import Origin

projects = Table(
    "projects",
    metadata,
    Column("name", String, primary_key=True),
    Column("description", Text, nullable=False, default=""),
    Column("created", UtcTime, nullable=False),
)

repos = Table(
    "repos",
    metadata,
    Column("id", RowId, primary_key=True),
    Column("project", String, ForeignKey("projects.name"), nullable=False),
    Column("name", String, nullable=False),
    Column("type", String, nullable=False),
    Column("description", Text, nullable=False, default=""),
    Column("created", UtcTime, nullable=False),
    UniqueConstraint("project", "name", "type"),
    # Lists, in the order of ids.
    Index(None, "type", "id"),
    Index(None, "project", "id"),
    Index(None, "project", "type", "id"),
)

branches = Table(
    "branches",
    metadata,
    Column("id", RowId, primary_key=True),
    Column("repo_id", RowId, ForeignKey("repos.id"), nullable=False),
    Column("name", String, nullable=False),
    # Null only between the branch's creation and the end of the same transaction.
    Column("head", RowId, ForeignKey("commits.id"), index=True),
    Column("trigger", Json),
    Column("created", UtcTime, nullable=False),
    Column("created_by", String, nullable=False, default=""),
    UniqueConstraint("repo_id", "name"),
    Index(None, "repo_id", "id"),
)

Index(
    "ix_branches_triggered",
    branches.c.repo_id,
    sqlite_where=branches.c.trigger.is_not(None),
    postgresql_where=branches.c.trigger.is_not(None),
)

branch_provenance = Table(
    "branch_provenance",
    metadata,
    # Direct edges: the branch is made from `provenance_id`. What is indirect follows from them.
    Column("branch_id", RowId, ForeignKey("branches.id", ondelete="CASCADE"), primary_key=True),
    Column("provenance_id", RowId, ForeignKey("branches.id", ondelete="CASCADE"), primary_key=True, index=True),
    Column("position", Integer, nullable=False),
    # Whether a change of the one makes a commit on the other.
    Column("propagates", Boolean, nullable=False, default=True, server_default=true()),
)

commits = Table(
    "commits",
    metadata,
    Column("id", RowId, primary_key=True),
    Column("repo_id", RowId, ForeignKey("repos.id"), nullable=False),
    Column("project", String, nullable=False),  # of the repo, so that the commits of a project have an index
    Column("set_id", String(32), nullable=False),
    Column("branch", String, nullable=False),  # the name it was made on; that branch may be gone
    Column("parent_id", RowId, ForeignKey("commits.id"), index=True),
    # Ways to other ancestors, see versioning.ancestry; all of them are in the same repo and go with it.
    Column("depth", Integer, nullable=False),
    Column("jump_id", RowId),
    Column("jump_depth", Integer, nullable=False),
    Column("turn_id", RowId),
    Column("base_id", RowId, index=True),
    Column("origin", Choice(Origin), nullable=False),
    Column("description", Text, nullable=False, default=""),
    Column("created_by", String, nullable=False, default=""),
    Column("started", UtcTime, nullable=False),
    Column("finishing", UtcTime),
    Column("finished", UtcTime),
    Column("error", Text, nullable=False, default=""),
    Column("root", LargeBinary),  # of the file tree; null until finished
    Column("size", BigInteger, nullable=False, default=0),  # an upper bound until finished
    UniqueConstraint("repo_id", "set_id"),
    # Lists, in the order of ids: of a repo, by branch and by origin, of a project, of a set; and where a time begins.
    Index(None, "repo_id", "id"),
    Index(None, "repo_id", "branch", "id"),
    Index(None, "repo_id", "origin", "id"),
    Index(None, "repo_id", "started", "id"),
    Index(None, "project", "id"),
    Index(None, "set_id", "id"),
    sqlite_autoincrement=True,  # the key of a deleted commit must not come back: subscribers remember how far they are
)

Index(
    "ix_commits_closing",
    commits.c.id,
    sqlite_where=commits.c.finishing.is_not(None) & commits.c.finished.is_(None),
    postgresql_where=commits.c.finishing.is_not(None) & commits.c.finished.is_(None),
)

commit_provenance = Table(
    "commit_provenance",
    metadata,
    Column("commit_id", RowId, ForeignKey("commits.id", ondelete="CASCADE"), primary_key=True),
    Column("provenance_id", RowId, ForeignKey("commits.id", ondelete="CASCADE"), primary_key=True),
    Column("position", Integer, nullable=False),
    Index(None, "provenance_id", "commit_id"),
)

runs = Table(
    "runs",
    metadata,
    # What was written to an open commit, in order. `level` grows when neighbours are merged into one run.
    Column("commit_id", RowId, ForeignKey("commits.id", ondelete="CASCADE"), primary_key=True),
    Column("seq", BigInteger, primary_key=True, autoincrement=False),
    Column("level", Integer, nullable=False),
    Column("root", LargeBinary, nullable=False),
)

transactions = Table(
    "transactions",
    metadata,
    Column("id", String, primary_key=True),
    Column("started", UtcTime, nullable=False),
)

transaction_requests = Table(
    "transaction_requests",
    metadata,
    Column("transaction_id", String, ForeignKey("transactions.id", ondelete="CASCADE"), primary_key=True),
    Column("seq", Integer, primary_key=True, autoincrement=False),
    Column("kind", String, nullable=False),
    Column("body", LargeBinary, nullable=False),
    Column("response", LargeBinary, nullable=False),
)
