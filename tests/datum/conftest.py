from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from hathi.datum.frames import Kind, Look
from hathi.datum.stage import Stage, Staged
from hathi.model.ids import CommitSetId
from hathi.model.pps import DatumInput
from hathi.model.references import Commit, Repo
from hathi.storage.chunks.content import EMPTY_CONTENT, Content

COMMIT = Commit(Repo("default", "data"), CommitSetId("0123456789ab4cdef0123456789abcde"))


@dataclass(frozen=True)
class File:
    path: str
    content: Content | None


class Memory:
    """Contents by themselves: a source of inputs and a place for outputs that counts what it stores."""

    def __init__(self) -> None:
        self.bytes: dict[Content, bytes] = {EMPTY_CONTENT: b""}
        self.repo: dict[str, Content] = {}
        self.kept = 0

    def keep(self, parts: Iterable[bytes]) -> Content:
        data = b"".join(parts)
        self.kept += 1
        content = Content(len(data), ((data.ljust(32)[:32], len(data)),)) if data else EMPTY_CONTENT
        self.bytes[content] = data
        return content

    def put(self, path: str, data: bytes) -> Content:
        self.repo[path] = self.keep([data])
        return self.repo[path]

    def files(self, source: DatumInput) -> Iterator[File]:
        for path, content in self.repo.items():
            if path == source.path or path.startswith(source.path.rstrip("/") + "/"):
                yield File(path, content)

    def read(self, content: Content) -> Iterator[bytes]:
        yield self.bytes[content]


class HereView:
    """A sandbox whose root is where /pfs is the datum's folder and nothing else exists."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def _real(self, path: str) -> Path:
        for _ in range(40):
            if not path.startswith("/pfs/"):
                break
            path = os.path.realpath(self._folder / path.removeprefix("/pfs/"))
        return Path(path)

    def look(self, path: str) -> Look:
        real = self._real(path)
        if not real.exists():
            return Look(Kind.MISSING, error="No such file or directory")
        status = real.stat()
        kind = Kind.FOLDER if real.is_dir() else Kind.FILE
        return Look(kind, status.st_size, status.st_dev, status.st_ino, status.st_ctime_ns)

    def read(self, path: str) -> Iterator[bytes]:
        yield self._real(path).read_bytes()

    def names(self, folder: str) -> list[str]:
        return sorted(entry.name for entry in self._real(folder).iterdir())


@pytest.fixture
def memory() -> Memory:
    return Memory()


@pytest.fixture
def view() -> Callable[[Staged], HereView]:
    return lambda staged: HereView(staged.folder)


@pytest.fixture
def source() -> Callable[..., DatumInput]:
    """Makes inputs of one commit."""

    def make(name: str = "data", path: str = "/", **more: Any) -> DatumInput:
        return DatumInput(name, COMMIT, "master", path, **more)

    return make


@pytest.fixture
def staged(tmp_path: Path, memory: Memory, source: Callable[..., DatumInput]) -> Iterator[Staged]:
    """A datum at hand. It is removed in the end, for pytest itself cannot remove all that tests leave in it."""
    memory.put("/a", b"contents of a")
    memory.put("/dir/b", b"contents of b")
    memory.kept = 0
    staged = Stage(tmp_path).prepare([source()], b"A=b\n", memory)
    yield staged
    staged.remove()
