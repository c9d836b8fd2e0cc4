"""From the server's messages to what runs here."""

from __future__ import annotations

from google.protobuf.duration_pb2 import Duration

from hathi.cli import references
from hathi.model.ids import CommitSetId
from hathi.model.inputs import Input
from hathi.model.pps import DatumInput
from hathi.model.recall import Seen, recall
from hathi.model.references import DEFAULT_PROJECT, USER, Commit, Repo
from hathi.wire.gen import pfs_pb2, pps_pb2


def inputs_of(info: pps_pb2.DatumInfo, root: Input | None) -> tuple[DatumInput, ...]:
    """Return the inputs of a datum of a pipeline with input `root`."""
    return recall(root, [_seen(each) for each in info.data], info.datum.id)


def seconds(length: Duration) -> float:
    """Return a length of time in seconds."""
    return length.seconds + length.nanos / 1e9


def _seen(info: pfs_pb2.FileInfo) -> Seen:
    repo = references.repo_in(info.file.commit)
    name = Repo(repo.project.name or DEFAULT_PROJECT, repo.name, repo.type or USER)
    return Seen(Commit(name, CommitSetId(info.file.commit.id)), info.file.path, info.hash, info.size_bytes)
