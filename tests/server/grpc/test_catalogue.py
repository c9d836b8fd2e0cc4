"""The list of packs is sent in messages of bounded size, however long it is."""

from __future__ import annotations

from hathi.model.batching import MESSAGE_BYTES
from hathi.model.packs import Catalogue, IndexRecord, PackState
from hathi.server.grpc.hathi.workers import catalogue_messages


def test_a_catalogue_of_any_length_passes_in_messages_of_bounded_size() -> None:
    holder = "0" * 32
    packs = tuple(PackState(f"packs/00/{holder}-00000000-{n}", 32 << 20, 1000, n, n % 2 == 0) for n in range(60_000))
    indexes = tuple(IndexRecord(f"indexes/{holder}-00000000-{n}", 1000, 10) for n in range(20_000))
    messages = list(catalogue_messages(Catalogue(7, packs, indexes, since=3)))
    assert len(messages) > 5
    assert max(message.ByteSize() for message in messages) <= MESSAGE_BYTES * 11 // 10
    assert {(message.version, message.since) for message in messages} == {(7, 3)}
    assert [pack.name for message in messages for pack in message.packs] == [pack.name for pack in packs]
    assert [one.name for message in messages for one in message.indexes] == [index.name for index in indexes]


def test_a_change_of_nothing_but_the_version_is_one_message() -> None:
    (message,) = catalogue_messages(Catalogue(7, since=3))
    assert (message.version, len(message.packs)) == (7, 0)
