"""Reading chunks back, each verified against its name.

The problem: a file's chunks stand one after another in a pack, and so do small files that were written together;
asking for them one by one costs a request each. The rule: neighbours are fetched together, up to `SPAN_BYTES`. Whatever
arrives is hashed before it is handed on, so damage at rest is reported where it is, by object and offset, and never
passed on as data.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from itertools import chain, islice

from blake3 import blake3

from hathi.storage.chunks.cache import ChunkCache
from hathi.storage.chunks.compression import restore
from hathi.storage.chunks.content import ChunkRef, Content
from hathi.storage.chunks.interface import ChunkMissing, PackDamaged
from hathi.storage.chunks.locations import Locations
from hathi.storage.chunks.ranges import groups, read_range
from hathi.storage.chunks.tables import Location
from hathi.storage.objects.interface import ObjectMissing, ObjectStore

SPAN_BYTES = 4 << 20  # stored bytes fetched by one request, unless a single chunk is larger
_GAP_BYTES = 64 << 10  # bytes between two chunks that are cheaper to fetch along than to ask twice


@dataclass(slots=True)
class Span:
    """Chunks that one request fetches: `length` bytes at `offset` of `pack`."""

    pack: str
    offset: int
    length: int
    chunks: list[tuple[bytes, Location]] = field(default_factory=list)

    def takes(self, place: Location) -> bool:
        """Return whether a chunk can be fetched along."""
        gap = place.offset - (self.offset + self.length)
        total = self.length + gap + place.stored
        return place.pack == self.pack and 0 <= gap <= _GAP_BYTES and total <= SPAN_BYTES

    def take(self, id: bytes, place: Location) -> None:
        """Extend the span by a chunk."""
        self.length = place.offset + place.stored - self.offset
        self.chunks.append((id, place))


def spans(chunks: Iterable[tuple[bytes, Location]]) -> Iterator[Span]:
    """Gather chunks into spans, keeping their order. Pure."""
    span: Span | None = None
    for id, place in chunks:
        if span is None or not span.takes(place):
            if span is not None:
                yield span
            span = Span(place.pack, place.offset, 0)
        span.take(id, place)
    if span is not None:
        yield span


class Reader:
    """Reads chunks of live packs. Thread-safe."""

    def __init__(self, objects: ObjectStore, locations: Locations, cache: ChunkCache) -> None:
        self._objects = objects
        self.locations = locations
        self.cache = cache

    def get(self, id: bytes) -> bytes:
        """Return a chunk, from the cache if it was read of late."""
        data = self.cache.get(id)
        if data is None:
            (data,) = self._fetch([(id, 0)])
            self.cache.put(id, data)
        return data

    def get_each(self, ids: Iterable[bytes]) -> Iterator[bytes]:
        """Yield each chunk in turn, past the cache; neighbours in a pack come in one request."""
        return self._fetch((id, 0) for id in ids)

    def read(self, content: Content, offset: int, length: int | None) -> Iterator[bytes]:
        """Yield `length` bytes of a file from `offset`, in pieces of at most a chunk; fewer where it ends before."""
        return read_range(content, self, self._fetch, offset, length)

    def read_each(self, contents: Iterable[Content]) -> Iterator[Iterator[bytes]]:
        """Yield the pieces of each file in turn, looking ahead a little: small neighbours come in one request."""
        for group in groups(contents):
            if len(group) == 1:
                yield self.read(group[0], 0, None)
                continue
            refs = [list(content.refs(self)) for content in group]
            data = self._fetch(chain.from_iterable(refs))
            for chunks in refs:
                yield iter(list(islice(data, len(chunks))))

    def fetch_at(self, id: bytes, place: Location) -> bytes:
        """Return the chunk that stands at `place`."""
        return next(self._fetch_span(Span(place.pack, place.offset, place.stored, [(id, place)])))

    def _fetch(self, refs: Iterable[ChunkRef]) -> Iterator[bytes]:
        for span in spans((id, self._locate(id)) for id, _ in refs):
            yield from self._fetch_span(span)

    def _locate(self, id: bytes) -> Location:
        place = self.locations.find(id)
        if place is None:
            self.locations.refresh()
            place = self.locations.find(id)
        if place is None:
            raise self.locations.unreadable() or ChunkMissing(id)
        return place

    def _fetch_span(self, span: Span) -> Iterator[bytes]:
        try:
            fetched = self._objects.get(span.pack, span.offset, span.length)
        except ObjectMissing:
            # The pack was collected since we heard of it; what is still referred to stands elsewhere by now.
            self.locations.refresh()
            for id, _ in span.chunks:
                place = self._locate(id)
                if place.pack == span.pack:
                    raise
                yield self.fetch_at(id, place)
            return
        view = memoryview(fetched)
        for id, place in span.chunks:
            start = place.offset - span.offset
            yield _verified(id, place, bytes(view[start : start + place.stored]))


def _verified(id: bytes, place: Location, stored: bytes) -> bytes:
    if len(stored) < place.stored:
        raise PackDamaged(place.pack, place.offset, f"a chunk of {place.stored} bytes is cut short")
    try:
        data = restore(stored, place.length)
    except ValueError as error:
        raise PackDamaged(place.pack, place.offset, str(error)) from error
    if blake3(data).digest() != id:
        raise PackDamaged(place.pack, place.offset, f"chunk {id.hex()} does not have its hash")
    return data
