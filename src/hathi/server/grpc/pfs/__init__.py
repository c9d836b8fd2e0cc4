"""The door of versioned data: `pfs_v2.API`, one module for each kind of thing."""

from __future__ import annotations

from hathi.server.grpc.backend import Backend
from hathi.server.grpc.operations import Operation, Operations
from hathi.server.grpc.pfs import branches, commits, modify, projects, reading, repos


def operations() -> dict[str, Operation]:
    """Return the changes that transactions may hold."""
    return repos.OPERATIONS | commits.OPERATIONS | branches.OPERATIONS


def doors(backend: Backend, operations: Operations) -> list[object]:
    """Return the objects that serve the methods."""
    store = backend.store
    return [
        projects.Projects(store),
        repos.Repos(store, operations),
        commits.Commits(store, operations),
        branches.Branches(store, operations),
        reading.Reading(store),
        modify.Modify(store, backend.fetching),
    ]
