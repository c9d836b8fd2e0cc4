"""Commits whose root is not a tree of files, shown as files all the same.

Whoever keeps something else in the commits of a kind of repo registers here how it is to be read, so that nothing in
`versioning` knows what that is.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from hathi.storage.chunks.content import Content
from hathi.storage.filesets.files import FileTree


@dataclass(frozen=True, slots=True)
class Projection:
    """What a root is shown as. read: yields the bytes of a content of `tree`, from an offset."""

    tree: FileTree
    read: Callable[[Content, int], Iterator[bytes]]


Project = Callable[[bytes], Projection]
"""Shows the root (32 bytes) of a finished commit; costs nothing until somebody reads."""


class Projections:
    """How to show the commits of each kind of repo. Filled while the program is put together, read-only afterwards."""

    def __init__(self) -> None:
        self._by_kind: dict[str, Project] = {}

    def register(self, kind: str, project: Project) -> None:
        """Show the commits of repos of this type (a `Repo.type`) so."""
        self._by_kind[kind] = project

    def of(self, kind: str) -> Project | None:
        """Return how to show the commits of repos of this type; None for those that hold files."""
        return self._by_kind.get(kind)
