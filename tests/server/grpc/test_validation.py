"""Requests are checked before a handler sees them; a refusal names the field, the value and the limit."""

from __future__ import annotations

import json
from math import inf, nan

import pytest
from google.protobuf.duration_pb2 import Duration
from google.protobuf.timestamp_pb2 import Timestamp
from hypothesis import given, settings
from hypothesis import strategies as st
from server.hostile import Hostile

from hathi.model.errors import InvalidError
from hathi.server.grpc import validation
from hathi.server.grpc.validation import check
from hathi.wire.gen import hathi_pb2, pfs_pb2, pps_pb2, transaction_pb2

FILES = (hathi_pb2, pfs_pb2, pps_pb2, transaction_pb2)
REQUESTS = sorted(
    {
        method.input_type
        for file in FILES
        for service in file.DESCRIPTOR.services_by_name.values()
        for method in service.methods
    },
    key=lambda kind: kind.full_name,
)


@pytest.mark.parametrize(
    ("message", "text"),
    [
        (hathi_pb2.ClaimRequest(wait_seconds=1e300), r"^wait_seconds is 1e\+300: it must be between 0 and 86400$"),
        (hathi_pb2.ClaimRequest(wait_seconds=nan), r"^wait_seconds is nan, which is no number$"),
        (hathi_pb2.BeatRequest(running_seconds=-inf), r"^running_seconds is -inf"),
        (hathi_pb2.EndHolderRequest(id="a\0b"), r'^id has a NUL character, which is not allowed: "a\\x00b"$'),
        (
            pfs_pb2.ListRepoRequest(page={"page_size": 1 << 62}),
            r"^page\.page_size is \d+: it must be between 0 and 2147483647$",
        ),
        (pfs_pb2.ListRepoRequest(page={"page_index": -1}), r"^page\.page_index is -1"),
        (pfs_pb2.GetFileRequest(offset=-5), r"^offset is -5: it must be between 0 and"),
        (
            pps_pb2.GetLogsRequest(since=Duration(seconds=315_576_000_000)),
            r"^since is 315576000000 s and 0 ns",
        ),
        (pps_pb2.GetLogsRequest(since=Duration(seconds=-1)), r"^since is -1 s"),
        (
            pps_pb2.ListJobRequest(paginationMarker=Timestamp(seconds=1 << 60)),
            r"^paginationMarker is no date: 1152921504606846976 s",
        ),
        (pps_pb2.ListJobRequest(paginationMarker=Timestamp(nanos=-1)), r"^paginationMarker is no date"),
        (pfs_pb2.InspectCommitRequest(wait=77), r"^wait is 77, which is no CommitState$"),
        (
            pfs_pb2.CreateRepoRequest(repo={"name": "x" * 5000}),
            r'^repo\.name is too long: "x+\.\.\. \(5000 characters\)"; at most 1024',
        ),
        (pps_pb2.CreatePipelineRequest(resource_limits={"cpu": inf}), r"^resource_limits\.cpu is inf"),
        (
            pps_pb2.CreatePipelineRequest(parallelism_spec={"constant": (1 << 64) - 1}),
            r"^parallelism_spec\.constant is 18446744073709551615",
        ),
        (pps_pb2.CreatePipelineRequest(transform={"env": {"A": "b\0"}}), r'^transform\.env\["A"\] has a NUL'),
        (hathi_pb2.PutRequest(ops=[{"path": "/a"}, {"path": "/" + "b" * 20_000}]), r"^ops\[1\]\.path is too long"),
    ],
    ids=lambda value: "" if isinstance(value, str) else type(value).__name__,
)
def test_a_refusal_names_field_value_and_limit(message, text) -> None:
    with pytest.raises(InvalidError, match=text):
        check(message)


def test_a_list_of_too_many_is_refused() -> None:
    requests = [transaction_pb2.TransactionRequest()] * 10_001
    with pytest.raises(InvalidError, match=r"^requests has 10001 values: at most 10000 are allowed$"):
        check(transaction_pb2.BatchTransactionRequest(requests=requests))


@pytest.mark.parametrize(
    ("text", "wrong"),
    [
        ("[" * 101 + "]" * 101, "nested too deeply"),
        ('{"a":' * 100_000, "nested too deeply"),
        ("9" * 5000, "a number of 5000 digits"),
        (r'"\ud800"', "half a character"),
        (r'"\udc00\ud800"', "half a character"),
    ],
)
def test_json_that_parsers_choke_on_is_refused(text: str, wrong: str) -> None:
    with pytest.raises(InvalidError, match=wrong):
        check(pps_pb2.CreatePipelineV2Request(create_pipeline_request_json=text))


@pytest.mark.parametrize(
    "value",
    ["[" * 5000, "9" * 5000, r"\ud800", '"\\', "\\", "🐘", "\\\ud7ff", ["a"] * 2000, [[[["b"]]]], {"c": {}}, 1e300],
)
def test_json_whose_texts_look_like_that_is_not(value: object) -> None:
    for ascii_only in (False, True):
        check(pps_pb2.CreatePipelineV2Request(create_pipeline_request_json=json.dumps(value, ensure_ascii=ascii_only)))


def test_what_programs_print_may_hold_anything() -> None:
    check(
        hathi_pb2.AppendLogsRequest(
            lines=[hathi_pb2.LogLine(message="a\0b" * 10_000, time_ns=1_700_000_000_000_000_000)]
        )
    )


def test_a_long_text_without_an_end_costs_one_pass() -> None:
    """Quadratic matching of a million escaped quotes would never return."""
    text = '"' + chr(92) + ('"' + chr(92)) * 1_000_000
    check(pps_pb2.CreatePipelineV2Request(create_pipeline_request_json=text))


def test_file_bytes_are_not_looked_at() -> None:
    assert validation._message_check(hathi_pb2.ObjectBytes.DESCRIPTOR) is None


@settings(max_examples=300, deadline=None)
@given(st.integers(), st.sampled_from(REQUESTS))
def test_any_request_passes_or_is_refused_in_few_words(seed: int, kind) -> None:
    message = Hostile(str(seed)).message(kind)
    try:
        check(message)
    except InvalidError as error:
        assert len(str(error)) < 500
        assert str(error).isprintable()
