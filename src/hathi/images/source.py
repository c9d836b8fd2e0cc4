"""The source folder of a build pipeline: which files of it are uploaded, and what they are called in the repo."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
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
class Source:
    """What a source folder holds. odd: paths of what is neither a file nor a folder, which no repo can hold: links to
    folders, links to nothing, pipes. vain: lines of `.pachignore` that name a folder, and so exclude no file.
    """

    folder: Path
    files: list[SourceFile]
    odd: list[str]
    vain: list[str] = field(default_factory=list)


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


def list_source(folder: Path) -> Source:
    """Return what is to be uploaded, in the order of paths: every file that `.pachignore` does not exclude.

    Raises SourceError: a folder cannot be read, a name cannot stand in a repo, `.pachignore` makes no sense.
    """
    try:
        rules = (folder / NAME).read_text() if (folder / NAME).is_file() else ""
        excluded = read_ignore(rules)
        found, odd = [], []
        for local in _walk(folder):
            relative = local.relative_to(folder).as_posix()
            if excluded(relative):
                continue
            if local.is_file():
                found.append(SourceFile(local, f"/{relative}"))
            elif not excluded(f"{relative}/"):  # what excludes all in a folder excludes a link to a folder
                odd.append(f"/{relative}")
    except OSError as error:
        raise SourceError(f"cannot read {error.filename}: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise SourceError(f"{folder / NAME} is not text in UTF-8: {error.reason} at byte {error.start}") from error
    found.sort(key=lambda file: file.path)
    _check_names(found)
    return Source(folder, found, sorted(odd), [line for line in rules.splitlines() if _is_vain(line, folder, excluded)])


def check_source(source: Source, needed: str = "") -> None:
    """Raise SourceError for a folder without files, or without one at its root that matches the glob `needed`."""
    left = f" (that {NAME} leaves)" if (source.folder / NAME).is_file() else ""
    names = [file.path.removeprefix("/") for file in source.files if file.path != f"/{NAME}"]
    if not names:
        raise SourceError(f"the source folder {source.folder} holds no files{left}")
    if needed and not any("/" not in name and fnmatchcase(name, needed) for name in names):
        raise SourceError(f"the source folder {source.folder} holds no {needed} at its root{left}")


def _is_vain(line: str, folder: Path, excluded: Callable[[str], bool]) -> bool:
    """Return whether a line names a folder, as it would in a `.gitignore`, though something in it is uploaded."""
    name = line.strip("/")
    if not name or "\0" in name or not (folder / name).is_dir():
        return False
    return any(not excluded(file.relative_to(folder).as_posix()) for file in _walk(folder / name))


def _walk(folder: Path) -> Iterator[Path]:
    """Yield everything below a folder but folders."""

    def fail(error: OSError) -> None:
        raise error

    for place, folders, names in os.walk(folder, onerror=fail):
        yield from (Path(place, name) for name in names)
        yield from (link for name in folders if (link := Path(place, name)).is_symlink())


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
