"""Where datums run on the user's machine: a scratch folder and the sandbox over it, both gone when the room is left."""

from __future__ import annotations

import contextlib
import os
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from hathi.datum.environment import DEFAULT_PATH
from hathi.datum.frames import Command, Outcome
from hathi.datum.hidden import host_view
from hathi.datum.litter import remove_tree
from hathi.datum.sandbox import Sandbox, start_sandbox
from hathi.datum.shim import binary
from hathi.datum.stage import Stage


class Room:
    """A place to run datums one after another.

    stage: where they are made ready. kept: a folder for what they make. base: the variables of this place.
    defaults: what holds of a spec's transform where the spec says nothing.
    """

    def __init__(
        self,
        scratch: Path,
        make: Callable[[Path, Path], Sandbox],
        base: Mapping[str, str],
        defaults: Mapping[str, Any] | None = None,
        enter: Callable[[Command, Sandbox], Outcome] | None = None,
    ) -> None:
        """make: starts a sandbox, given the stage's folder and one for itself. enter: opens a shell at the terminal
        where a command would run, None when a terminal of this machine can be opened there by its name.
        """
        self.kept = scratch / "kept"
        self.base = base
        self.defaults = defaults or {}
        self._scratch = scratch
        self._make = make
        self._enter = enter
        self._sandbox: Sandbox | None = None
        for folder in (self.kept, scratch / "stage"):
            folder.mkdir(exist_ok=True)
        self.stage = Stage(scratch / "stage")

    @property
    def sandbox(self) -> Sandbox:
        """A living sandbox: a datum that broke its own gets nobody else's."""
        if self._sandbox is None or self._sandbox.closed:
            self._sandbox = self._make(self.stage.folder, self._scratch)
        return self._sandbox

    @property
    def enter(self) -> Callable[[Command], Outcome] | None:
        """What opens a shell at the terminal, None when nothing special is needed for that."""
        enter = self._enter
        return None if enter is None else lambda command: enter(command, self.sandbox)

    def withdraw(self) -> None:
        """Show no datum any more."""
        if self._sandbox is not None and not self._sandbox.closed:
            self._sandbox.withdraw()

    def close(self) -> None:
        """End the sandbox."""
        if self._sandbox is not None:
            self._sandbox.close()


@contextlib.contextmanager
def process_room(show: Sequence[Path] = ()) -> Iterator[Room]:
    """Give a room whose sandbox shows this machine's own files, as the process runtime's does.

    show: folders that must be seen even if they lie in /tmp or in a home folder.
    """
    view = host_view(show=show)

    def make(stage: Path, scratch: Path) -> Sandbox:
        return start_sandbox(binary(), stage, scratch, view)

    with scratch_folder() as scratch:
        room = Room(scratch, make, {"PATH": os.environ.get("PATH", DEFAULT_PATH)})
        try:
            yield room
        finally:
            room.close()


@contextlib.contextmanager
def scratch_folder() -> Iterator[Path]:
    """Give a folder that is gone afterwards."""
    scratch = Path(tempfile.mkdtemp(prefix="pachctl-"))
    try:
        yield scratch
    finally:
        remove_tree(scratch)
