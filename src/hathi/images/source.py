"""The source folder of a build pipeline: which files of it are uploaded, and what they are called in the repo."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from hathi.images.errors import SourceError
from hathi.images.ignore import NAME, read_ignore
from hathi.model import paths
from hathi.model.errors import InvalidError

PIECE = 1 << 20
"""Bytes of a file that are read at once."""

_SHOWN = 5
"""Names told of in an error, at most."""


@dataclass(frozen=True, slots=True)
class SourceFile:
    """A file on this machine, and its path in the repo."""

    local: Path
    path: str

    def pieces(self) -> Iterator[bytes]:
        """Yield its bytes, or raise SourceError."""
        try:
            with self.local.open("rb", buffering=0) as file:
                while data := file.read(PIECE):
                    yield data
        except OSError as error:
            raise SourceError(f"cannot read {self.local}: {error.strerror}") from error


def list_source(folder: Path) -> list[SourceFile]:
    """Return the files to upload, in the order of their paths: every one that `.pachignore` does not exclude.

    Raises SourceError: a folder cannot be read, or a name cannot stand in a repo; GlobError.
    """
    try:
        rules = (folder / NAME).read_text() if (folder / NAME).is_file() else ""
        excluded = read_ignore(rules)
        found = [
            SourceFile(local, f"/{relative}")
            for local in _walk(folder)
            if not excluded(relative := local.relative_to(folder).as_posix())
        ]
    except OSError as error:
        raise SourceError(f"cannot read {error.filename}: {error.strerror}") from error
    found.sort(key=lambda file: file.path)
    _check_names(found)
    return found


def _walk(folder: Path) -> Iterator[Path]:
    def fail(error: OSError) -> None:
        raise error

    for place, _, names in os.walk(folder, onerror=fail):
        for name in names:
            file = Path(place, name)
            if file.is_file():
                yield file


def _check_names(files: list[SourceFile]) -> None:
    wrong = []
    for file in files:
        try:
            paths.validate(file.path)
        except InvalidError as error:
            wrong.append(str(error))
    if wrong:
        more = f"; and {len(wrong) - _SHOWN} more" if len(wrong) > _SHOWN else ""
        raise SourceError(f"{'; '.join(wrong[:_SHOWN])}{more} (rename them, or exclude them in {NAME})")
