"""Inputs over the API: one stream serves a whole directory, and a file may be asked for again."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from hathi.cli.local.inputs import ApiSource
from hathi.model.errors import NotFoundError
from hathi.model.ids import CommitSetId
from hathi.model.pps import DatumInput
from hathi.model.references import Repo
from hathi.wire.gen import hathi_pb2

COMMIT = Repo("default", "data").commit(CommitSetId("0123456789ab4cdef0123456789abcde"))
Piece = hathi_pb2.FilePiece


class Files:
    """Answers `Get` with pieces, two a message."""

    def __init__(self, pieces: list[Piece], missing: bool = False) -> None:
        self.pieces = pieces
        self.missing = missing
        self.asked: list[str] = []

    def Get(self, request: hathi_pb2.GetRequest) -> Iterator[hathi_pb2.GetResponse]:
        self.asked.append(request.path)
        if self.missing:
            raise NotFoundError("no such file")
        wanted = [each for each in self.pieces if each.path.startswith(request.path.rstrip("/"))]
        for at in range(0, len(wanted), 2):
            yield hathi_pb2.GetResponse(pieces=wanted[at : at + 2])


class Server:
    is_hathi = True

    def __init__(self, files: Files) -> None:
        self.files = files


FOLDER = DatumInput("in", COMMIT, "master", "/d")

PIECES = [
    Piece(path="/d/a", data=b"1", last=False),
    Piece(path="/d/a", data=b"2", last=True),
    Piece(path="/d/b", data=b"", last=True),
    Piece(path="/d/c", data=b"3", last=False),
    Piece(path="/d/c", data=b"4", last=True),
]


def source(pieces: list[Piece], missing: bool = False) -> tuple[ApiSource, Files]:
    files = Files(pieces, missing)
    server: Any = Server(files)
    return ApiSource(server), files


def test_a_directory_is_one_stream() -> None:
    api, files = source(PIECES)
    found = {file.path: b"".join(api.read(file.content)) for file in api.files(FOLDER)}
    assert found == {"/d/a": b"12", "/d/b": b"", "/d/c": b"34"}
    assert files.asked == ["/d"]


def test_a_file_that_nobody_reads_is_passed_over() -> None:
    api, _ = source(PIECES)
    assert [file.path for file in api.files(FOLDER)] == ["/d/a", "/d/b", "/d/c"]


def test_a_file_may_be_read_once_more() -> None:
    api, files = source(PIECES)
    first = [(file, b"".join(api.read(file.content))) for file in api.files(FOLDER)]
    assert b"".join(api.read(first[0][0].content)) == b"12"
    assert files.asked == ["/d", "/d/a"]


def test_an_empty_commit_is_a_datum_without_files() -> None:
    api, _ = source([], missing=True)
    assert list(api.files(DatumInput("in", COMMIT, "master", "/"))) == []
    with pytest.raises(NotFoundError):
        list(api.files(DatumInput("in", COMMIT, "master", "/gone")))
