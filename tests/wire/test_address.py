"""Addresses are `[scheme://]host[:port]` and nothing else."""

from __future__ import annotations

import pytest

from hathi.model.errors import InvalidError
from hathi.wire.address import Address, parse_address


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("localhost", Address("localhost:30650")),
        ("localhost:1650", Address("localhost:1650")),
        ("grpc://10.0.0.1:80", Address("10.0.0.1:80")),
        ("http://pachd", Address("pachd:30650")),
        ("grpcs://pach.example.com:443", Address("pach.example.com:443", True)),
        ("https://pach.example.com", Address("pach.example.com:30650", True)),
        ("grpc://[::1]:1650", Address("[::1]:1650")),
        ("unix:///tmp/pachd.sock", Address("unix:/tmp/pachd.sock")),
    ],
)
def test_forms(text: str, address: Address) -> None:
    assert parse_address(text) == address


@pytest.mark.parametrize(
    "text",
    [
        "",
        "ftp://host",
        "host:port",
        "host:0",
        "host:70000",
        "grpc://user@host",
        "grpc://host/path",
        "host?x=1",
        "unix://",
    ],
)
def test_anything_else_is_refused_by_name(text: str) -> None:
    with pytest.raises(InvalidError, match="invalid address"):
        parse_address(text)
