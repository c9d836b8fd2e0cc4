"""What can be wrong with a set of file changes; the texts are the original's, and end up in a commit's `error`."""

from __future__ import annotations

from hathi.model.errors import PreconditionError


class PathCollision(PreconditionError):
    """`path` would be a file and a directory at once."""

    def __init__(self, path: str) -> None:
        super().__init__(f"file / directory path collision ({path})")
        self.path = path


class DuplicatePath(PreconditionError):
    """Two writers that must not know of each other (datums, by their labels) put the same path."""

    def __init__(self, path: str, label1: str, label2: str) -> None:
        super().__init__(f"duplicate path output by different datums ({path} from {label1} and {path} from {label2})")
        self.path = path
        self.label1 = label1
        self.label2 = label2
