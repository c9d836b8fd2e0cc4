"""A content is one value for one sequence of bytes, however long its list."""

import struct

import pytest
from blake3 import blake3
from hypothesis import given
from hypothesis import strategies as st

from hathi.model.errors import InternalError
from hathi.storage.chunks.content import EMPTY_CONTENT, INLINE_CHUNKS, REFS_A_BLOB, Content, ContentBuilder


class Blobs(dict):
    def put(self, data):
        id = blake3(data).digest()
        self[id] = data
        return id

    def get(self, id):
        return self[id]


def refs(count):
    return [(blake3(bytes([n % 256, n // 256])).digest(), n + 1) for n in range(count)]


def build(chunks):
    blobs = Blobs()
    builder = ContentBuilder(blobs.put)
    builder.extend(chunks)
    return builder.finish(), blobs


@pytest.mark.parametrize("count", [0, 1, INLINE_CHUNKS, INLINE_CHUNKS + 1, REFS_A_BLOB, REFS_A_BLOB + 1, 20_000])
def test_the_hash_covers_ids_and_lengths_wherever_the_list_stands(count):
    content, blobs = build(refs(count))
    listing = b"".join(id + struct.pack("<Q", length) for id, length in refs(count))
    assert content.hash == blake3(listing).digest()
    assert content.size == sum(length for _, length in refs(count))
    assert list(content.refs(blobs)) == refs(count)
    assert (content.listed is None) == (count <= INLINE_CHUNKS)


@given(st.integers(0, 80))
def test_a_content_survives_encoding(count):
    content, _ = build(refs(count))
    assert Content.decode(content.encode()) == content


def test_an_entry_stays_small_however_long_the_file():
    content, _ = build(refs(20_000))
    assert len(content.encode()) < 200


def test_no_bytes_are_one_value():
    assert build([])[0] == EMPTY_CONTENT == Content.decode(EMPTY_CONTENT.encode())
    assert EMPTY_CONTENT.hash == blake3(b"").digest()


def test_an_append_to_a_long_list_rewrites_its_last_blob_only():
    _, before = build(refs(2 * REFS_A_BLOB + 5))
    _, after = build(refs(2 * REFS_A_BLOB + 6))
    assert len(after.keys() - before.keys()) == 1


def test_an_unknown_kind_is_refused():
    with pytest.raises(InternalError, match="unknown kind"):
        Content.decode(b"\x09" + bytes(8))
