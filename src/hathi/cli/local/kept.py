"""What datums made here, kept beside them until it is known whether anybody wants it."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from blake3 import blake3

from hathi.cli.errors import CliError
from hathi.datum.collect import Made, keep_files
from hathi.storage.chunks.content import Content


@dataclass(frozen=True, slots=True)
class Output:
    """A file of a datum's output. path: in the output repo. place: where its bytes are on this machine."""

    path: str
    size: int
    place: Path


class Kept:
    """Takes contents into a folder, each once. `fetch` reads the content of an input, to which user code may link."""

    def __init__(self, folder: Path, fetch: Callable[[Content], Iterator[bytes]]) -> None:
        self._folder = folder
        self._fetch = fetch
        self._places: dict[Content, Path] = {}

    def keep(self, parts: Iterable[bytes]) -> Content:
        """Keep the bytes of one file; a `stage.Keep`."""
        place = self._folder / str(len(self._places))
        digest, size = blake3(), 0
        with place.open("wb") as file:
            for part in parts:
                digest.update(part)
                size += file.write(part)
        content = Content(size, ((digest.digest(), size),))
        if content in self._places:
            place.unlink()
        else:
            self._places[content] = place
        return content

    def outputs(self, made: Sequence[Made]) -> list[Output]:
        """Keep everything that a survey found, and return it in path order."""
        outputs = []
        for path, content in keep_files(made, self.keep):
            if content not in self._places:
                content = self.keep(self._fetch(content))
            outputs.append(Output(path, content.size, self._places[content]))
        return outputs


def require_fresh(target: str) -> None:
    """Raise CliError unless a folder that outputs are to be saved in is missing or empty; "" is none."""
    try:
        if target and any(Path(target).iterdir()):
            raise CliError(f"{target} is not empty; name a new folder, so that nothing in it is overwritten")
    except FileNotFoundError:
        pass
    except OSError as error:
        raise CliError(f"cannot write to {target}: {error.strerror}") from error


def save(outputs: Iterable[Output], target: Path) -> None:
    """Copy outputs into a folder of the user's, which is made if it is missing."""
    try:
        target.mkdir(parents=True, exist_ok=True)
        for output in outputs:
            place = target / output.path.lstrip("/")
            place.parent.mkdir(parents=True, exist_ok=True)
            part = place.with_name(f".{os.getpid()}.part")
            shutil.copyfile(output.place, part)
            part.replace(place)
    except OSError as error:
        raise CliError(f"cannot write {error.filename or target}: {error.strerror}") from error
