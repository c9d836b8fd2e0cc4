"""A record survives encoding, and counts itself by its first byte."""

from dataclasses import replace

import pytest

from hathi.model.pps import DatumInput, DatumState, Stats
from hathi.model.records import DatumRecord, measures
from hathi.model.references import Repo

ID = "0123456789ab4def8123456789abcdef"
INPUT = DatumInput("in", Repo("p", "edges", "meta").commit(ID), "master", "/ä b", b"\xff\x00", 7, "j", "g", True, True)
RECORD = DatumRecord(
    id="a" * 64,
    hash="b" * 64,
    state=DatumState.SUCCESS,
    job=ID,
    inputs=(INPUT, replace(INPUT, lazy=False)),
    outputs=(("/x", b"\x00\xff"), ("/y/z", b"")),
    output_root=b"\x01" * 32,
    stats=Stats(0.5, 1.25, 3.0, 12, 34),
    reason='exit status 1: "no"\n',
    attempts=3,
    image="ubuntu:20.04",
    index=41,
)


@pytest.mark.parametrize("record", [RECORD, DatumRecord("i", "h", DatumState.FAILED, ID)])
def test_decoding_gives_back_what_was_encoded(record: DatumRecord) -> None:
    assert DatumRecord.decode(record.encode()) == record


@pytest.mark.parametrize(
    ("state", "expected"),
    [
        (DatumState.SUCCESS, (1, 1, 0, 0)),
        (DatumState.FAILED, (1, 0, 1, 0)),
        (DatumState.RECOVERED, (1, 0, 0, 1)),
        (DatumState.UNKNOWN, (1, 0, 0, 0)),
    ],
)
def test_measures_count_by_outcome(state: DatumState, expected: tuple[int, ...]) -> None:
    assert measures(replace(RECORD, state=state).encode()) == expected


def test_a_plain_record_is_small() -> None:
    plain = replace(RECORD, inputs=(INPUT,), output_root=b"", reason="")
    assert len(plain.encode()) < 400
