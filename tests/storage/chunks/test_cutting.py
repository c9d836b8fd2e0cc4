"""Borders are a pure function of the bytes, and fall back into step after an edit."""

import json
from itertools import accumulate
from pathlib import Path

import pytest
from blake3 import blake3
from hypothesis import given, settings
from hypothesis import strategies as st

from hathi.storage.chunks.cutting import AVERAGE, LARGEST, SMALLEST, cut

GOLDEN = json.loads((Path(__file__).parents[2] / "golden/chunks/borders.json").read_text())


def borders(data):
    return list(accumulate(map(len, cut([data]))))


@pytest.mark.parametrize("vector", GOLDEN["vectors"], ids=lambda vector: vector["name"])
def test_borders_are_those_the_format_fixes(vector):
    """A change here would store every large file again: it is a change of format."""
    data = blake3(vector["seed"].encode()).digest(vector["period"]) * vector["repeat"]
    assert blake3(data).hexdigest() == vector["blake3"]
    assert borders(data) == vector["borders"]


def test_the_parameters_are_part_of_the_format():
    assert GOLDEN["parameters"] == {"smallest": SMALLEST, "average": AVERAGE, "largest": LARGEST}


def test_cutting_loses_nothing_and_keeps_to_the_sizes(noise):
    chunks = list(cut([noise]))
    assert b"".join(chunks) == noise
    assert all(SMALLEST <= len(chunk) <= LARGEST for chunk in chunks[:-1])


@settings(deadline=None, max_examples=20)
@given(st.lists(st.integers(1, 3 << 20), max_size=6))
def test_borders_do_not_depend_on_how_the_bytes_arrive(noise, sizes):
    parts, at = [], 0
    for size in sizes:
        parts.append(noise[at : at + size])
        at += size
    parts.append(noise[at:])
    assert list(cut(parts)) == list(cut([noise]))


def test_whoever_starts_at_a_border_finds_the_later_ones(noise):
    known = borders(noise)
    for border in known[:-1]:
        assert [border + later for later in borders(noise[border:])] == known[known.index(border) + 1 :]


def test_an_insertion_moves_few_borders(noise):
    edited = noise[: 5 << 20] + b"a few new bytes" + noise[5 << 20 :]
    old = {blake3(chunk).digest() for chunk in cut([noise])}
    new = [chunk for chunk in cut([edited]) if blake3(chunk).digest() not in old]
    assert len(new) <= 2


def test_bytes_without_any_border_are_cut_at_the_largest_size():
    assert [len(chunk) for chunk in cut([bytes(2 * LARGEST + 5)])] == [LARGEST, LARGEST, 5]


def test_nothing_has_no_chunks():
    assert list(cut([])) == list(cut([b"", b""])) == []


def test_memory_does_not_grow_with_the_stream():
    """A part is asked for only when what came before it has been handed on, but for one window."""
    taken = given_out = 0

    def parts():
        nonlocal taken
        for number in range(64):
            taken += 1 << 20
            yield bytes([number]) * (1 << 20)

    for chunk in cut(parts()):
        assert taken - given_out <= 3 * LARGEST
        given_out += len(chunk)
    assert given_out == 64 << 20
