"""A table finds what it holds, and knows when it is not what was written."""

import pytest
from blake3 import blake3
from hypothesis import given
from hypothesis import strategies as st

from hathi.storage.chunks.interface import PackDamaged
from hathi.storage.chunks.tables import ENTRY, Entry, Location, Table, TableBlocks, table_size


def entry(number, pack=0):
    return Entry(blake3(b"%d" % number).digest(), pack, number * 100, 90, 100)


def table_bytes(entries, names=()):
    packed = sorted(ENTRY.pack(*entry) for entry in entries)
    return b"".join(TableBlocks(packed, names))


@given(st.sets(st.integers(0, 500)), st.integers(0, 500))
def test_a_table_finds_exactly_what_it_holds(numbers, asked):
    table = Table("packs/a", table_bytes(map(entry, numbers)))
    expected = [Location("packs/a", asked * 100, 90, 100)] if asked in numbers else []
    assert list(table.find(entry(asked).id)) == expected
    assert len(table) == len(numbers)


def test_every_place_of_a_chunk_is_found():
    table = Table("indexes/a", table_bytes([entry(1, 0), entry(1, 2), entry(2, 1)], ["p0", "p1", "p2"]))
    assert [place.pack for place in table.find(entry(1).id)] == ["p0", "p2"]
    assert [place.pack for place in table.find(entry(2).id)] == ["p1"]


def test_the_size_is_known_before_the_table_is_made():
    assert table_size(3, ["packs/a"]) == len(table_bytes(map(entry, range(3)), ["packs/a"]))


def test_its_bytes_can_be_asked_for_again():
    blocks = TableBlocks([ENTRY.pack(*entry(1))])
    assert b"".join(blocks) == b"".join(blocks)


@given(st.integers(0, table_size(5, ["packs/a"]) - 1), st.integers(1, 255))
def test_any_changed_byte_is_noticed(at, change):
    damaged = bytearray(table_bytes(map(entry, range(5)), ["packs/a"]))
    damaged[at] ^= change
    with pytest.raises(PackDamaged, match="indexes/x is damaged at offset"):
        Table("indexes/x", bytes(damaged))


@given(st.integers(0, table_size(5) - 1))
def test_a_table_that_was_cut_short_is_noticed(length):
    with pytest.raises(PackDamaged):
        Table("packs/x", table_bytes(map(entry, range(5)))[:length])
