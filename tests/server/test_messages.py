"""No message is larger than either side takes, however long names are."""

from __future__ import annotations

import pytest

from hathi.model.pps import DatumInfo, DatumInput, DatumState
from hathi.model.references import Job, Pipeline, Repo
from hathi.pipelines import work
from hathi.server.grpc.streams import PIECE
from hathi.wire.client import MESSAGE_BYTES, Client
from hathi.wire.convert import pps
from hathi.wire.gen import hathi_pb2, pfs_pb2
from hathi.worker.remote import RemoteServer

JOB = Job(Pipeline("default", "p"), "0123456789ab4cdef0123456789abcde")
SLACK = 64 << 10
"""What one item may add to a message of about a mebibyte."""


def inputs(number: int, length: int) -> tuple[DatumInput, ...]:
    commit = Repo("default", "data").commit(JOB.id)
    return tuple(DatumInput("data", commit, "master", f"/{place:0{length}}", bytes(32)) for place in range(number))


def test_a_claim_of_many_datums_with_long_paths_is_many_messages(
    worker: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It was one message of 21 MB, and the worker that claimed it restarted for ever."""
    datums = tuple(work.Datum(f"{place:064x}", "h", inputs(10, 320), index=place) for place in range(5_000))
    claim = work.Claim("c", 30.0, JOB, 1, "master", {}, 3, 0.0, datums, {})
    monkeypatch.setattr(work, "claim", lambda *args, **kwargs: claim)
    messages = list(worker.workers.Claim(hathi_pb2.ClaimRequest(group="default/p/v1", worker="w")))
    assert max(message.ByteSize() for message in messages) <= PIECE + SLACK
    assert sum(message.ByteSize() for message in messages) > MESSAGE_BYTES
    taken = RemoteServer(worker, "default/p/v1", "w").claim(0.0)
    assert taken is not None
    assert [(one.id, one.index, one.inputs) for one in taken.datums] == [
        (one.id, one.index, one.inputs) for one in datums
    ]


def test_files_with_long_paths_are_listed_and_read_in_bounded_messages(client: Client, repo, put) -> None:
    names = [f"/{'d' * 250}/{place:0240}" for place in range(3_000)]
    put(repo, dict.fromkeys(names, b""))
    commit = hathi_pb2.CommitRef(project="default", repo="images", branch="master")
    listed = list(client.files.List(hathi_pb2.ListRequest(commit=commit, path="/", recursive=True)))
    read = list(client.files.Get(hathi_pb2.GetRequest(commit=commit, path="/", recursive=True)))
    assert sum(len(message.entries) for message in listed) == sum(len(message.pieces) for message in read) == 3_000
    assert max(message.ByteSize() for message in (*listed, *read)) <= PIECE + SLACK


def test_the_message_of_a_datum_holds_as_many_inputs_as_fit() -> None:
    info = DatumInfo(JOB, "0" * 64, DatumState.SUCCESS, inputs=inputs(100_000, 300))
    message = pps.datum_info_message(info)
    assert message.ByteSize() < MESSAGE_BYTES
    assert len(message.data) > 10_000
    assert isinstance(message.data[0], pfs_pb2.FileInfo)
