"""Source code of this machine as an input beside those of the server, and what is built from it here.

A build pipeline sees its code in `/pfs/source` and what was built of it in `/pfs/build`. The rule of the edit-see loop:
the first is the folder as it is now, and the second is built again only when what it follows from has changed.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from blake3 import blake3

from hathi.cli.errors import CliError
from hathi.cli.local.room import Room
from hathi.cli.local.running import Here, Log, Ran, Task
from hathi.datum.stage import Source, StoredFile
from hathi.images.source import SourceFile
from hathi.model.builds import BUILD, PREVIOUS, SOURCE
from hathi.model.pps import DatumInput
from hathi.storage.chunks.content import Content

REQUIREMENTS = "/requirements.txt"
_MORE_THAN_NAMES = re.compile(rb"^[ \t]*[-./]|file:", re.MULTILINE)
"""Requirements that hold options or name files: what is built of them follows from more than this file."""


class LocalFile:
    """A file of this machine where a file of a repo is expected."""

    def __init__(self, path: str, local: Path) -> None:
        self.path = path
        self.local = local
        self.content = Content(0, ((blake3(f"here:{local}".encode()).digest(), 0),))


class WithCode:
    """A `stage.Source` whose inputs of certain names are files of this machine. `code` may be changed between runs."""

    def __init__(self, rest: Source) -> None:
        self.code: dict[str, list[LocalFile]] = {}
        self._rest = rest
        self._places: dict[Content, Path] = {}

    def files(self, source: DatumInput) -> Iterable[StoredFile]:
        """Return the files that an input names."""
        if source.name not in self.code:
            return self._rest.files(source)
        self._places |= {file.content: file.local for file in self.code[source.name]}
        return self.code[source.name]

    def read(self, content: Content) -> Iterator[bytes]:
        """Return the bytes of a file."""
        if content not in self._places:
            return self._rest.read(content)
        return SourceFile(self._places[content], "").pieces()


class Builder:
    """Builds the source code of one pipeline here, and remembers what was built last, and where."""

    def __init__(self, source: WithCode) -> None:
        self._source = source
        self._room: Room | None = None
        self._key = b""
        self._last: Ran | None = None

    def refresh(self, room: Room, task: Task, language: str, files: Sequence[SourceFile], log: Log) -> bool:
        """Make the inputs `source` and `build` fit the source code; returns whether it was built anew.

        room: to build in; what was built before in another one went with that. task: the build as the server would
        run it. Raises CliError when it fails.
        """
        code = self._source.code
        code[SOURCE] = [LocalFile(file.path, file.local) for file in files]
        if room is not self._room:
            self._room, self._key, self._last = room, b"", None
            code[BUILD] = []
        key = build_key(language, files) + repr(task.transform).encode()
        if key == self._key:
            return False
        code[PREVIOUS] = code[BUILD]
        ran = Here(room, self._source).run(task, log)
        if ran.reason:
            ran.drop()
            raise CliError(f"the code cannot be built: {ran.reason}")
        code[BUILD] = [LocalFile(output.path, output.place) for output in ran.outputs]
        if self._last is not None:
            self._last.drop()
        self._key, self._last = key, ran
        return True


def build_key(language: str, files: Iterable[SourceFile]) -> bytes:
    """Return what differs when a build may: for Python the requirements alone, where they only name packages."""
    if language == "python":
        text = b"".join(b"".join(file.pieces()) for file in files if file.path == REQUIREMENTS)
        if not _MORE_THAN_NAMES.search(text):
            return blake3(b"python" + text).digest()
    digest = blake3(language.encode())
    for file in files:
        digest.update(f"\0{file.path}\0".encode())
        for piece in file.pieces():
            digest.update(piece)
    return digest.digest()
