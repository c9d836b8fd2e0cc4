"""What a datum reads: stored in its record when that is little, as a tree of its own when it is much.

A datum may read a hundred thousand files, and its record is copied into datum sets, claims and indexes. So a record is
bounded: beyond INLINE_COUNT inputs or INLINE_BYTES it holds the root of a tree, from the input's number to the encoded
input. Whoever needs the inputs asks `inputs_of`, which takes them from where they are.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Protocol

from hathi.model.pps import DatumInput
from hathi.model.records import DatumRecord, decode_input, encode_input
from hathi.storage.chunks.content import Content
from hathi.storage.chunks.interface import NodeReader, NodeStore
from hathi.storage.filesets import tree
from hathi.storage.filesets.entry import FILES
from hathi.storage.filesets.node import Schema

INLINE_COUNT = 16
"""A record holds so many inputs at most."""

INLINE_BYTES = 16 << 10
"""And so many bytes of them, by `weight`."""

_FIXED_BYTES = 200  # of an encoded input, besides its texts

_KEY_BYTES = 4


class InputSchema(Schema):
    """Measures are: count of inputs."""

    name = "inputs"
    width = 1

    def measure(self, key: bytes, value: bytes) -> tuple[int, ...]:
        """Return (1,)."""
        return (1,)


INPUTS = InputSchema()


class Reads(Protocol):
    """A datum, or the record of one."""

    @property
    def inputs(self) -> tuple[DatumInput, ...]:
        """The inputs, when there are few."""
        ...

    @property
    def input_root(self) -> bytes:
        """The root of their tree, when there are many."""
        ...


def weight(inputs: Sequence[DatumInput]) -> int:
    """Return about how many bytes inputs take in a record, without encoding them; exact enough for a bound."""
    return sum(_weight(source) for source in inputs)


def fit_inline(inputs: Sequence[DatumInput]) -> bool:
    """Return whether a record holds these inputs itself."""
    return len(inputs) <= INLINE_COUNT and weight(inputs) <= INLINE_BYTES


def inline_weight(inputs: Sequence[DatumInput]) -> int:
    """Return about how many bytes inputs take in a record, be they stored there or as a tree."""
    return weight(inputs) if fit_inline(inputs) else _FIXED_BYTES


def store_inputs(store: NodeStore, inputs: Iterable[DatumInput]) -> bytes:
    """Store inputs as a tree and return its root."""
    items = ((number.to_bytes(_KEY_BYTES, "big"), encode_input(source)) for number, source in enumerate(inputs))
    return tree.build(INPUTS, store, items)


def inputs_of(nodes: NodeReader, datum: Reads) -> Iterator[DatumInput]:
    """Yield what a datum reads, in order."""
    if not datum.input_root:
        yield from datum.inputs
        return
    for _, value in tree.scan(INPUTS, nodes, datum.input_root):
        yield decode_input(value)


def trees_of(record: DatumRecord) -> Iterator[tuple[Schema, bytes]]:
    """Yield schema and root of each tree that a record refers to; garbage collection keeps what they reach."""
    if record.input_root:
        yield INPUTS, record.input_root
    if record.output_root:
        yield FILES, record.output_root


def contents_of(record: DatumRecord) -> Iterator[Content]:
    """Yield the contents of the outputs that a record holds itself; garbage collection keeps their chunks."""
    for _, encoded in record.outputs:
        yield Content.decode(encoded)


def _weight(source: DatumInput) -> int:
    repo = source.commit.repo
    texts = (source.name, repo.project, repo.name, source.branch, source.path, source.join_on, source.group_by)
    return _FIXED_BYTES + sum(map(_bytes, texts)) + 2 * len(source.hash)


def _bytes(text: str) -> int:
    # JSON escapes a control character or a quote into several; names and paths hold none but quotes and backslashes.
    return len(text) if text.isascii() else len(text.encode())
