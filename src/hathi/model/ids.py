"""Identifiers: how they are made and how they are recognised.

Commits, commit sets and jobs share one kind of identifier, so that everything one change causes can be found under one
name: the 32 lower-case hex digits of a version 4 UUID, without dashes (Pachyderm's global id).
"""

from __future__ import annotations

import re
import uuid
from typing import NewType

CommitSetId = NewType("CommitSetId", str)
"""32 lower-case hex digits; names a commit in each repo that one change touched, and the jobs it caused."""

_COMMIT_SET_ID = re.compile(r"[0-9a-f]{12}4[0-9a-f]{19}")


def new_id() -> CommitSetId:
    """Return a fresh commit-set id."""
    return CommitSetId(uuid.uuid4().hex)


def is_id(text: str) -> bool:
    """Return whether `text` has the form of a commit-set id (a version 4 UUID without dashes)."""
    return _COMMIT_SET_ID.fullmatch(text) is not None


def new_transaction_id() -> str:
    """Return a fresh transaction id: a version 4 UUID with dashes, so that it is never taken for a commit."""
    return str(uuid.uuid4())
