"""Where datums run on the user's machine: a scratch folder and the sandbox over it, both gone when the room is left."""

from __future__ import annotations

import contextlib
import os
import tempfile
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from hathi.datum.environment import DEFAULT_PATH
from hathi.datum.hidden import hidden, homes, shown
from hathi.datum.litter import remove_tree
from hathi.datum.sandbox import Sandbox, start_sandbox
from hathi.datum.shim import binary
from hathi.datum.stage import Stage


class Room:
    """A place to run datums one after another.

    stage: where they are made ready. kept: a folder for what they make. base: the variables of this place.
    """

    def __init__(self, scratch: Path, make: Callable[[Path, Path], Sandbox], base: dict[str, str]) -> None:
        """make: starts a sandbox, given the stage's folder and one for itself."""
        self.kept = scratch / "kept"
        self.base = base
        self._scratch = scratch
        self._make = make
        self._sandbox: Sandbox | None = None
        for folder in (self.kept, scratch / "stage"):
            folder.mkdir()
        self.stage = Stage(scratch / "stage")

    @property
    def sandbox(self) -> Sandbox:
        """A living sandbox: a datum that broke its own gets nobody else's."""
        if self._sandbox is None or self._sandbox.closed:
            self._sandbox = self._make(self.stage.folder, self._scratch)
        return self._sandbox

    def close(self) -> None:
        """End the sandbox."""
        if self._sandbox is not None:
            self._sandbox.close()


@contextlib.contextmanager
def process_room(show: Sequence[Path] = ()) -> Iterator[Room]:
    """Give a room whose sandbox shows this machine's own files, as the process runtime's does.

    show: folders that must be seen even if they lie in /tmp.
    """
    hide, seen = hidden([], homes()), shown(show)

    def make(stage: Path, scratch: Path) -> Sandbox:
        return start_sandbox(binary(), stage, scratch, hide, seen)

    with _room(make, {"PATH": os.environ.get("PATH", DEFAULT_PATH)}) as room:
        yield room


@contextlib.contextmanager
def _room(make: Callable[[Path, Path], Sandbox], base: dict[str, str]) -> Iterator[Room]:
    scratch = Path(tempfile.mkdtemp(prefix="pachctl-"))
    try:
        room = Room(scratch, make, base)
        try:
            yield room
        finally:
            room.close()
    finally:
        remove_tree(scratch)
