"""Deleting everything."""

from __future__ import annotations

from hathi.metadata.database import Transaction


def delete_all(tx: Transaction) -> None:
    """Delete every project, repo, branch and commit; what remains is the empty project `default`."""
    raise NotImplementedError
