"""Nodes: how they are written down, and which keys begin one."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hathi.storage.filesets.node import CorruptNode, Node, Schema, decode, encode, height


def same(a: Node, b: Node) -> bool:
    return (a.level, a.keys, a.values, a.measures) == (b.level, b.keys, b.values, b.measures)


@given(st.dictionaries(st.binary(), st.binary(), min_size=1))
def test_a_leaf_is_read_as_it_was_written(words, entries):
    leaf = Node(0, sorted(entries), [entries[key] for key in sorted(entries)], ())
    assert same(decode(words, encode(words, leaf)), leaf)


@given(st.lists(st.tuples(st.binary(), st.binary(min_size=32, max_size=32), st.integers(0, 2**64 - 1)), min_size=1))
def test_an_interior_node_is_read_as_it_was_written(words, children):
    keys, ids, sums = (list(column) for column in zip(*children, strict=True))
    node = Node(3, keys, ids, (sums, sums[::-1]))
    assert same(decode(words, encode(words, node)), node)


@given(st.data())
def test_a_node_that_was_cut_off_or_prolonged_is_refused(words, data):
    whole = encode(words, Node(1, [b"/a", b"/b"], [bytes(32), bytes(32)], ([1, 2], [3, 4])))
    for damaged in (whole[: data.draw(st.integers(0, len(whole) - 1))], whole + b"x"):
        with pytest.raises(CorruptNode):
            decode(words, damaged)


def test_a_node_of_another_kind_of_tree_is_refused(words):
    class Other(Schema):
        name = "other"
        width = 2

    with pytest.raises(CorruptNode, match="not of a tree of other"):
        decode(Other(), encode(words, Node(0, [b"/a"], [b""], ())))


def test_a_node_of_a_later_version_is_refused(words):
    data = bytearray(encode(words, Node(0, [b"/a"], [b""], ())))
    data[2] += 1
    with pytest.raises(CorruptNode):
        decode(words, bytes(data))


@pytest.mark.parametrize(
    "pattern",
    ["/f{:06d}", "/images/img_{:d}.jpg", "/{:08x}.bin", "/datum-{:05d}/out/result.parquet", "/2024/{0:02d}/{0:d}.csv"],
)
def test_names_as_people_count_them_begin_nodes_as_often_as_they_should(pattern):
    borders = sum(height(pattern.format(number).encode()) > 0 for number in range(51_200))
    assert 140 <= borders <= 260  # 200 are expected, give or take 14
