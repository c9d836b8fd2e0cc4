"""One write: chunks and nodes into packs, under a pin.

The problem: a put of a thousand small files must cost one object, a put of a huge one must not cost its size in
memory, and nothing that a writer relied on may be collected before it has named its result, however long it pauses.
The rule: the catalogue is pinned from before the first look-up until the upload ends; what is not stored already goes
into packs. Bytes first, names second: until a transaction registers the packs that `seal` returns, they are nobody's.
An upload that ends without that deletes them.

Memory: two packs (see `packing`), the cutter's window and `IN_FLIGHT_BYTES`, whatever the size of the stream.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import Executor, Future
from contextlib import suppress
from itertools import chain
from types import TracebackType

from blake3 import blake3

from hathi.model.errors import HathiError
from hathi.model.packs import LeaseLapsed, PackLedger, PackRecord
from hathi.storage.chunks.compression import shrink
from hathi.storage.chunks.content import EMPTY_CONTENT, Content, ContentBuilder
from hathi.storage.chunks.cutting import SMALLEST, cut
from hathi.storage.chunks.joining import join
from hathi.storage.chunks.keys import Keys
from hathi.storage.chunks.packing import Packer
from hathi.storage.chunks.packs import PACK_BYTES
from hathi.storage.chunks.reading import Reader
from hathi.storage.objects.interface import ObjectStore

IN_FLIGHT_BYTES = 8 << 20  # of chunks being hashed and compressed by other threads

_Prepared = tuple[bytes, bytes | None]  # chunk id, and the bytes to store unless it is stored already


class Upload:
    """A `NodeStore` that writes. Methods may be called from any thread; `Chunks.upload` makes one."""

    def __init__(
        self,
        reader: Reader,
        objects: ObjectStore,
        ledger: PackLedger,
        workers: Executor,
        senders: Executor,
        keys: Keys,
        pack_bytes: int = PACK_BYTES,
    ) -> None:
        """Pin what is live now. For the arguments see `Chunks`."""
        self._reader = reader
        self._objects = objects
        self._ledger = ledger
        self._workers = workers
        self.holder = ledger.holder()
        self._pin = ledger.pins.hold()
        self._named: set[str] = set()
        self._packer = Packer(objects, senders, pack_bytes, lambda: keys.pack(self.holder))
        reader.locations.refresh()  # a pack condemned before our pin will not wait for us
        self._pin.raise_to(reader.locations.version)

    def __repr__(self) -> str:
        return f"Upload({self.holder}, {'lapsed' if self.lapsed else 'alive'}, {self._packer})"

    def __enter__(self) -> Upload:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._discard()
        self._pin.release()

    @property
    def lapsed(self) -> bool:
        """Whether this process is known to have been taken for dead: nothing written may be named any more."""
        return not self._ledger.alive(self.holder)

    def named(self, packs: Sequence[PackRecord]) -> None:
        """Hear that the transaction that registered `packs` has committed; see `model.packs.Writer`."""
        self._named.update(pack.name for pack in packs)

    def unnamed(self) -> list[str]:
        """Return the keys of all packs that may have been written and that no transaction is known to have named."""
        self._packer.settle()
        return [key for key in self._packer.attempted() if key not in self._named]

    def put(self, data: bytes) -> bytes:
        """Keep a blob, such as a tree node, and return its id."""
        id = self._keep(data)
        self._reader.cache.put(id, data)  # the next write usually starts from the nodes of this one
        return id

    def get(self, id: bytes) -> bytes:
        """Return a blob, be it live already or put through this upload."""
        data = self._packer.held(id)
        if data is not None:
            return data
        place = self._packer.written(id)
        return self._reader.get(id) if place is None else self._reader.fetch_at(id, place)

    def content(self, parts: Iterable[bytes]) -> Content:
        """Store a file, given as consecutive parts of any size, and return what it holds."""
        rest = iter(parts)
        held: list[bytes] = []
        size = 0
        for part in rest:
            held.append(part)
            size += len(part)
            if size > SMALLEST:
                return self._long_content(chain(held, rest))
        if not size:
            return EMPTY_CONTENT
        data = held[0] if len(held) == 1 else b"".join(held)
        return Content(size, ((self._keep(data), size),))

    def join(self, a: Content, b: Content) -> Content:
        """Return the content of a's bytes followed by b's, reading and cutting only around the seam."""
        return join(self, a, b)

    def seal(self) -> list[PackRecord]:
        """Make all that was put durable; return every pack of this upload: for little data one, for none none.

        Raises `LeaseLapsed` when naming the packs would be refused anyway.
        """
        self._stay()
        records = self._packer.finish()
        for table in self._packer.tables():
            self._reader.locations.announce(table)
        return records

    def _long_content(self, parts: Iterator[bytes]) -> Content:
        builder = ContentBuilder(self.put)
        working: deque[tuple[int, Future[_Prepared]]] = deque()
        in_flight = 0

        def take_oldest() -> int:
            length, future = working.popleft()
            builder.add((self._add(future.result(), length), length))
            return length

        for chunk in cut(parts):
            working.append((len(chunk), self._workers.submit(self._prepare, chunk)))
            in_flight += len(chunk)
            while in_flight > IN_FLIGHT_BYTES:
                in_flight -= take_oldest()
        while working:
            take_oldest()
        return builder.finish()

    def _keep(self, data: bytes) -> bytes:
        """Put a chunk into a pack unless it is stored already; return its id."""
        return self._add(self._prepare(data), len(data))

    def _prepare(self, data: bytes) -> _Prepared:
        """Do what costs time: hash, look up, compress. Without a lock, so that threads can do it side by side."""
        id = blake3(data).digest()
        known = id in self._packer or self._reader.locations.keeps(id)
        return id, None if known else shrink(data)

    def _add(self, prepared: _Prepared, length: int) -> bytes:
        """Do what needs order: a file's chunks stand in the pack as they do in the file."""
        self._stay()
        id, stored = prepared
        if stored is not None:
            self._packer.add(id, stored, length)
        return id

    def _stay(self) -> None:
        """Raise LeaseLapsed when writing on would be for nothing."""
        if self.lapsed:
            raise LeaseLapsed(self.holder)

    def _discard(self) -> None:
        """Delete the packs that nothing names, as far as that is possible now; a sweep finds what is left.

        Whether a transaction has named them is asked, since the answer to a COMMIT may have been lost.
        """
        left = self.unnamed()
        if not left:
            return
        with suppress(HathiError):
            for name in self._ledger.unregistered(left):
                self._objects.delete(name)
