"""Files as a tar stream."""

from __future__ import annotations

import io
import tarfile
from datetime import UTC, datetime

from hathi.model.infos import FileInfo, FileType
from hathi.model.references import Repo
from hathi.server.grpc.archive import tar

COMMIT = Repo("default", "images").commit("c" * 32)
NOON = datetime(2024, 5, 1, 12, tzinfo=UTC)


def test_any_tar_reader_finds_every_file_with_its_bytes() -> None:
    files = {"/a": b"", "/b/c": b"x" * 512, f"/{'long' * 60}/d": b"y" * 1300, "/8 gigabytes?": b"no"}
    entries = [
        (FileInfo(COMMIT, path, FileType.FILE, len(data), b"", NOON), iter([data[:100], data[100:]]))
        for path, data in files.items()
    ]
    with tarfile.open(fileobj=io.BytesIO(b"".join(tar(entries)))) as archive:
        members = archive.getmembers()
        assert {member.name: archive.extractfile(member).read() for member in members} == files
    assert {(member.mode, member.mtime) for member in members} == {(0o644, NOON.timestamp())}


def test_a_file_beyond_eight_gigabytes_has_a_header() -> None:
    big = FileInfo(COMMIT, "/big", FileType.FILE, 1 << 40, b"", None)
    assert tarfile.TarInfo.frombuf(next(tar([(big, [])]))[:512], "utf-8", "strict").type == tarfile.XHDTYPE


def test_no_files_are_an_empty_archive() -> None:
    with tarfile.open(fileobj=io.BytesIO(b"".join(tar([])))) as archive:
        assert archive.getmembers() == []
