"""File bytes on the wire."""

from __future__ import annotations

from google.protobuf.wrappers_pb2 import BytesValue
from hypothesis import given
from hypothesis import strategies as st

from hathi.server.grpc.streams import bytes_values


@given(st.lists(st.binary(max_size=300)), st.integers(1, 500))
def test_hand_made_messages_are_what_protobuf_reads(parts: list[bytes], size: int) -> None:
    messages = [BytesValue.FromString(encoded) for encoded in bytes_values(parts, size)]
    assert b"".join(message.value for message in messages) == b"".join(parts)
    assert all(len(message.value) >= size for message in messages[:-1])
    assert all(message.value for message in messages)
