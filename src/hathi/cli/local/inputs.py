"""The inputs of a datum, read over the API as any user may read them.

Staging asks for the files below an input one after another and reads each before the next, so one stream of the server
serves a whole directory: `files` opens each file of the stream and `read` takes its bytes out of the same stream.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from blake3 import blake3

from hathi.cli import receiving, references
from hathi.cli.connection import Server
from hathi.cli.receiving import Arrived
from hathi.model.errors import NotFoundError
from hathi.model.globs import quote
from hathi.model.pps import DatumInput
from hathi.model.references import Commit, CommitSpec
from hathi.storage.chunks.content import Content
from hathi.wire.gen import pfs_pb2


@dataclass(frozen=True, slots=True)
class ApiFile:
    """A file of an input. content: stands for where it is on the server; its size is not known beforehand."""

    path: str
    content: Content


class ApiSource:
    """Where a datum's inputs come from; a `stage.Source`. From one thread only."""

    def __init__(self, server: Server) -> None:
        self._server = server
        self._places: dict[Content, tuple[Commit, str]] = {}
        self._stream: Iterator[Arrived] = iter(())
        self._at = Content(0)
        self._opened = Arrived("", b"", first=True, last=True)

    def files(self, source: DatumInput) -> Iterator[ApiFile]:
        """Yield the files that an input names; each may be read until the next is asked for."""
        self._stream = self._arrivals(source.commit, source.path)
        for piece in self._stream:
            if piece.first:
                name = f"{source.commit}:{piece.path}".encode()
                content = Content(0, ((blake3(name).digest(), 0),))
                self._places[content] = (source.commit, piece.path)
                self._at, self._opened = content, piece
                yield ApiFile(piece.path, content)

    def read(self, content: Content) -> Iterator[bytes]:
        """Yield the bytes of a file: the rest of the open stream, or else asked for anew."""
        if content == self._at:
            piece, stream = self._opened, self._stream
            self._at = Content(0)
        else:
            stream = self._arrivals(*self._places[content])
            piece = next(stream)
        yield piece.data
        while not piece.last:
            piece = next(stream)
            yield piece.data

    def _arrivals(self, commit: Commit, path: str) -> Iterator[Arrived]:
        message = references.commit_of(CommitSpec(commit.repo, id=commit.id))
        try:
            yield from receiving.arrivals(self._server, pfs_pb2.File(commit=message, path=quote(path)))
        except NotFoundError:
            if path != "/":  # an empty commit has no root to get, and yet is a datum
                raise
