"""Which packs are live, as the database knows it: `PackLedger` for storage, `register` for who names a root.

The words (catalogue, holder, pin, condemned, superseded, gone) are explained in `model/packs.py`.

Pins of this process are in memory: when the process dies, its uploads and readers are dead too. That spares uploads a
transaction of their own. Other processes (workers, other servers) report the oldest version that they pin with their
heartbeats, and keep to what they reported until they report again.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from datetime import timedelta
from itertools import islice
from typing import Any
from uuid import uuid4

from sqlalchemy import Row, Select, bindparam, delete, func, insert, select, update
from sqlalchemy.dialects import postgresql, sqlite

from hathi.metadata.database import Database
from hathi.metadata.tables.storage import catalogue, holders, named_roots, pack_indexes, packs
from hathi.metadata.transaction import Transaction
from hathi.model.errors import HathiError
from hathi.model.packs import (
    Catalogue,
    Holder,
    IndexRecord,
    LeaseLapsed,
    PackRecord,
    PackState,
    Pins,
    Root,
    Writer,
)

HOLDER_SECONDS = 600.0
"""How long a process is out of touch before it may be taken for dead: long enough for any pause of a machine at work.
What it had not named can be deleted only after that."""

BEAT_SECONDS = 30.0
"""How often a process sends its heartbeat."""

FORGOTTEN = timedelta(days=1)
"""So long after its end the record of a holder is deleted even if nobody looked for dead ones."""

SERVER, WORKER = "server", "worker"
"""Kinds of holders."""

TOMBSTONES = 5_000
"""Versions of the catalogue for which rows of dropped packs are kept. Who missed more reads the whole list again."""

CONDEMNED = "packs/condemned"
"""Topic published when packs were condemned that will be dropped once nobody pins an older catalogue."""

_VERSION = "storage.catalogue"
_NAMES = 500  # in one IN list

_CATALOGUE = select(catalogue.c.version, catalogue.c.purged)
_CURRENT = select(catalogue.c.version)
_LIVE_PACKS = select(packs).where(packs.c.gone.is_(False)).order_by(packs.c.since)
_LIVE_INDEXES = select(pack_indexes).where(pack_indexes.c.gone.is_(False))
_PACKS_SINCE = select(packs).where(packs.c.since > bindparam("version")).order_by(packs.c.since)
_INDEXES_SINCE = select(pack_indexes).where(pack_indexes.c.since > bindparam("version"))
_NEXT_VERSION = update(catalogue).values(version=catalogue.c.version + 1).returning(catalogue.c.version)
_NEXT_OF_HOLDER = (
    update(catalogue)
    .values(version=catalogue.c.version + 1)
    .returning(
        catalogue.c.version,
        catalogue.c.collecting,
        select(holders.c.id).where(holders.c.id == bindparam("holder")).scalar_subquery(),
    )
)
_HOLDER = (
    select(catalogue.c.collecting, holders.c.id)
    .select_from(catalogue)
    .outerjoin(holders, holders.c.id == bindparam("holder"))
)
_CONDEMNED = select(packs.c.name).where(packs.c.condemned >= 0, packs.c.superseded.is_(False)).limit(1)
_CONDEMN = (
    update(packs)
    .where(packs.c.name == bindparam("the_name"), packs.c.condemned.is_(None), packs.c.gone.is_(False))
    .values(condemned=bindparam("version"), since=bindparam("version"), superseded=bindparam("replaced"))
)
_SPARE = (
    update(packs)
    .where(packs.c.name == bindparam("the_name"), packs.c.condemned.is_not(None))
    .values(condemned=None, superseded=False, since=bindparam("version"))
)
_DROP = (
    update(packs)
    .where(packs.c.name == bindparam("the_name"), packs.c.condemned.is_not(None))
    .values(condemned=None, gone=True, since=bindparam("version"))
)
_REPLACE_INDEX = (
    update(pack_indexes)
    .where(pack_indexes.c.name == bindparam("the_name"))
    .values(gone=True, since=bindparam("version"))
)
_ADD_PACKS = {
    "sqlite": sqlite.insert(packs).on_conflict_do_nothing(),
    "postgresql": postgresql.insert(packs).on_conflict_do_nothing(),
}


class DatabaseLedger:
    """The `PackLedger` of this database. Thread-safe; one for each process, whose holder it is."""

    def __init__(
        self, database: Database, *, kind: str = SERVER, name: str = "", seconds: float = HOLDER_SECONDS
    ) -> None:
        """Begin a life of this process. kind, name: what it is called. seconds: how long a holder is not given up."""
        self._database = database
        self._kind = kind
        self._name = name
        self._seconds = seconds
        self._pins = Pins()
        self._holder = self._begin()

    def __repr__(self) -> str:
        return f"DatabaseLedger({self._kind} {self._holder}, {self._pins})"

    @property
    def pins(self) -> Pins:
        """What uploads and readers of this process hold."""
        return self._pins

    def holder(self) -> str:
        """Return the id of this life of the process."""
        return self._holder

    def alive(self, holder: str) -> bool:
        """Return whether `holder` is this life still, as far as this process knows."""
        return holder == self._holder

    def beat(self) -> None:
        """Keep the holder of this process alive; to be called every `BEAT_SECONDS`.

        One that was taken for dead meanwhile begins a new life: uploads of the old one fail when they are to be named.
        """
        alive, version = self.beat_holder(self._holder, self._pins.oldest())
        self._pins.heard(version)
        if not alive:
            self._holder = self._begin()

    def close(self) -> None:
        """End the life of this process. Nothing of it may read or write after that.

        Without a database it is taken for dead after a while, so that is no failure.
        """
        with suppress(HathiError):
            self.end_holder(self._holder)

    # Holders elsewhere

    def open_holder(self, kind: str, name: str) -> Holder:
        """Record that a process begins to read and write."""
        id = uuid4().hex
        with self._database.write() as tx:
            version = tx.connection.execute(_CURRENT).scalar_one()
            tx.connection.execute(delete(holders).where(holders.c.expires <= tx.now - FORGOTTEN))
            expires = tx.now + timedelta(seconds=self._seconds)
            row = {"id": id, "kind": kind, "name": name, "expires": expires, "oldest": version}
            tx.connection.execute(insert(holders), row)
        return Holder(id, self._seconds, version)

    def beat_holder(self, id: str, oldest: int) -> tuple[bool, int]:
        """Keep a holder alive.

        Args:
            id: of the holder.
            oldest: the oldest version that it pins, or may pin until it says otherwise.

        Returns:
            Whether it lives (False when it was taken for dead), and the version of the catalogue.
        """
        with self._database.read() as tx:
            version = tx.connection.execute(_CURRENT).scalar_one()
            row = tx.connection.execute(select(holders).where(holders.c.id == id)).first()
            if row is None:
                return False, version
            # Thousands of workers send these. That one lets go of old versions matters only to who waits for it.
            lets_go = oldest > row.oldest and tx.connection.execute(_CONDEMNED).first() is not None
            young = row.expires - tx.now > timedelta(seconds=self._seconds / 2)
            if young and oldest >= row.oldest and not lets_go:
                return True, version
        with self._database.write() as tx:
            expires = tx.now + timedelta(seconds=self._seconds)
            kept = update(holders).where(holders.c.id == id).values(expires=expires, oldest=oldest)
            return tx.connection.execute(kept).rowcount == 1, version

    def end_other_servers(self) -> None:
        """Forget the servers before this one, which were killed: the caller has made sure that it is alone."""
        with self._database.write() as tx:
            others = (holders.c.kind == SERVER) & (holders.c.id != self._holder)
            tx.connection.execute(delete(holders).where(others))

    def end_holder(self, id: str) -> None:
        """Forget a holder; packs it wrote that nothing names become garbage."""
        with self._database.write() as tx:
            tx.connection.execute(delete(holders).where(holders.c.id == id))

    def find_holder(self, id: str) -> tuple[str, str] | None:
        """Return kind and name of a holder, None when it is taken for dead."""
        with self._database.read() as tx:
            row = tx.connection.execute(select(holders.c.kind, holders.c.name).where(holders.c.id == id)).first()
        return None if row is None else (row.kind, row.name)

    def live_holders(self) -> frozenset[str]:
        """Return the ids of the holders that are not taken for dead."""
        with self._database.read() as tx:
            return frozenset(tx.connection.execute(select(holders.c.id)).scalars())

    # The catalogue

    def catalogue(self, since: int = -1) -> Catalogue | None:
        """Return what changed after version `since` (-1: all that is live), or None when nothing did."""
        with self._database.read() as tx:
            version, purged = tx.connection.execute(_CATALOGUE).one()
            if version == since:
                return None
            if since < purged:
                since = -1
            known = {"version": since}
            pack_rows = tx.connection.execute(*((_LIVE_PACKS,) if since < 0 else (_PACKS_SINCE, known))).all()
            index_rows = tx.connection.execute(*((_LIVE_INDEXES,) if since < 0 else (_INDEXES_SINCE, known))).all()
        self._pins.heard(version)
        return Catalogue(
            version,
            tuple(
                PackState(row.name, row.size, row.chunks, row.condemned, row.superseded, row.gone) for row in pack_rows
            ),
            tuple(IndexRecord(row.name, row.size, row.chunks, row.gone) for row in index_rows),
            since,
        )

    def register(self, tx: Transaction, writer: Writer, records: Sequence[PackRecord], roots: Iterable[Root]) -> None:
        """Make packs live in the transaction that names what is in them; repeating changes nothing.

        This is the one way to name the root of a tree that was written.

        Args:
            tx: the transaction that names the roots.
            writer: the upload; it hears when the transaction has committed.
            records: its packs, all durable.
            roots: every root that the transaction names. While a collection is under way they are noted for it.

        Raises:
            LeaseLapsed: the process that wrote was taken for dead.
        """
        if records and _VERSION not in tx.notes:  # the common case, in one statement
            version, collecting, holder = tx.connection.execute(_NEXT_OF_HOLDER, {"holder": writer.holder}).one()
            self._note_version(tx, version)
        else:
            collecting, holder = tx.connection.execute(_HOLDER, {"holder": writer.holder}).one()
        if holder is None:
            raise LeaseLapsed(writer.holder)
        if collecting is not None:
            _note_roots(tx, roots)
        if records:
            version = self._changed(tx)
            rows = [{"name": pack.name, "size": pack.size, "chunks": pack.chunks, "since": version} for pack in records]
            tx.connection.execute(_ADD_PACKS[tx.connection.dialect.name], rows)
        tx.after_commit(lambda: writer.named(records))

    def unregistered(self, names: Sequence[str]) -> list[str]:
        """Return those of some packs that no transaction has registered; certain when their upload has ended.

        The look waits for transactions that are committing, so that one whose answer was lost counts.
        """
        with self._database.write() as tx:
            known = _known(tx, names)
        return [name for name in names if name not in known]

    def merged(self, index: IndexRecord, replaces: Sequence[str]) -> None:
        """Record a merged index, which replaces the older indexes named."""
        with self._database.write() as tx:
            version = self._changed(tx)
            if replaces:
                tx.connection.execute(_REPLACE_INDEX, [{"the_name": name, "version": version} for name in replaces])
            row = {"name": index.name, "size": index.size, "chunks": index.chunks, "since": version}
            tx.connection.execute(insert(pack_indexes), row)
            _purge(tx, version)

    def rewritten(
        self, writer: Writer, records: Sequence[PackRecord], sources: Sequence[str], superseded: bool
    ) -> bool:
        """Register packs and condemn the sources they were made from, at once.

        superseded: every chunk of the sources is in `records`. Returns False, and changes nothing, when a source is
        gone, or condemned where `superseded` says that it was in use.
        """
        with self._database.write() as tx:
            known = _known(tx, sources)
            if any(name not in known or known[name].gone for name in sources):
                return False
            if superseded and any(known[name].condemned is not None for name in sources):
                return False
            self.register(tx, writer, records, ())
            self.condemn(tx, sources, superseded=superseded)
        return True

    # What goes away

    def condemn(self, tx: Transaction, names: Iterable[str], *, superseded: bool = False) -> int:
        """Condemn packs; return the version of the catalogue that says so. Packs condemned already stay as they are."""
        version = self._changed(tx)
        rows = [{"the_name": name, "version": version, "replaced": superseded} for name in names]
        if rows:
            tx.connection.execute(_CONDEMN, rows)
        if rows and not superseded:
            tx.emit(CONDEMNED)
        return version

    def spare(self, tx: Transaction, names: Iterable[str]) -> None:
        """Take back that packs are condemned."""
        version = self._changed(tx)
        if rows := [{"the_name": name, "version": version} for name in names]:
            tx.connection.execute(_SPARE, rows)

    def oldest_pin(self) -> int:
        """Return the oldest version that any live holder pins; holders whose time is over are removed first."""
        with self._database.write() as tx:
            others = holders.c.id != self._holder
            tx.connection.execute(delete(holders).where(holders.c.expires <= tx.now, others))
            elsewhere = tx.connection.execute(select(func.min(holders.c.oldest)).where(others)).scalar()
            version: int = tx.connection.execute(_CURRENT).scalar_one()
        return min(pin for pin in (version, elsewhere, self._pins.held()) if pin is not None)

    def superseded(self) -> list[str]:
        """Return superseded packs, which may be dropped."""
        with self._database.read() as tx:
            return list(tx.connection.scalars(_condemned(superseded=True)))

    def droppable(self) -> list[str]:
        """Return packs that are condemned without being superseded, and that no upload or reader can rely on.

        All pins are at the version that condemned them or later. A root that was named since by a writer who had looked
        up before may need their chunks: so the collector looks at `named_roots` again before it drops them.
        """
        oldest = self.oldest_pin()
        with self._database.read() as tx:
            statement = _condemned(superseded=False).where(packs.c.condemned <= oldest)
            return list(tx.connection.scalars(statement))

    def drop(self, names: Iterable[str]) -> list[str]:
        """Take packs out of the catalogue; return those that were condemned, whose objects can be deleted now."""
        names = list(names)
        if not names:
            return []
        with self._database.write() as tx:
            known = _known(tx, names)
            dropped = [name for name in names if name in known and known[name].condemned is not None]
            if dropped:
                version = self._changed(tx)
                tx.connection.execute(_DROP, [{"the_name": name, "version": version} for name in dropped])
                _purge(tx, version)
        return dropped

    # Collections

    def begin_collection(self, tx: Transaction) -> int:
        """Note every root that is named from now on; return the version of the catalogue at which that begins.

        One collection is under way at a time; beginning again after a crash starts over.
        """
        version: int = tx.connection.execute(_CURRENT).scalar_one()
        tx.connection.execute(delete(named_roots))
        tx.connection.execute(update(catalogue).values(collecting=version))
        return version

    def end_collection(self, tx: Transaction) -> None:
        """Note roots no longer, and forget those that were noted."""
        tx.connection.execute(update(catalogue).values(collecting=None))
        tx.connection.execute(delete(named_roots))

    def collecting(self, tx: Transaction) -> int | None:
        """Return the version at which the collection that is under way began, None when none is."""
        version: int | None = tx.connection.execute(select(catalogue.c.collecting)).scalar_one()
        return version

    def name_roots(self, tx: Transaction, roots: Iterable[Root]) -> None:
        """Say that the transaction names roots that were written, and registered, before."""
        if self.collecting(tx) is not None:
            _note_roots(tx, roots)

    def named_roots(self, tx: Transaction, after: int = 0, number: int = 1000) -> list[tuple[int, Root]]:
        """Return roots that were noted, each with its place in the order of noting; at most `number` behind `after`."""
        statement = select(named_roots).where(named_roots.c.seq > after).order_by(named_roots.c.seq).limit(number)
        return [(row.seq, Root(row.kind, row.root)) for row in tx.connection.execute(statement)]

    def _begin(self) -> str:
        holder = self.open_holder(self._kind, self._name)
        self._pins.heard(holder.version)
        return holder.id

    def _changed(self, tx: Transaction) -> int:
        """Return the version of the catalogue that this transaction makes."""
        if _VERSION not in tx.notes:
            self._note_version(tx, tx.connection.execute(_NEXT_VERSION).scalar_one())
        return int(tx.notes[_VERSION])

    def _note_version(self, tx: Transaction, version: int) -> None:
        tx.notes[_VERSION] = version
        tx.after_commit(lambda: self._pins.heard(version))


def _condemned(*, superseded: bool) -> Select[tuple[str]]:
    # Versions are never negative; a planner finds a range in the index, but not always what is not null.
    return select(packs.c.name).where(packs.c.condemned >= 0, packs.c.superseded.is_(superseded))


def _known(tx: Transaction, names: Iterable[str]) -> dict[str, Row[Any]]:
    """Return the rows of packs by name, of those that have one."""
    rows: dict[str, Row[Any]] = {}
    rest: Iterator[str] = iter(names)
    while some := list(islice(rest, _NAMES)):
        for row in tx.connection.execute(select(packs).where(packs.c.name.in_(some))):
            rows[row.name] = row
    return rows


def _note_roots(tx: Transaction, roots: Iterable[Root]) -> None:
    if rows := [{"kind": root.kind, "root": root.hash} for root in roots]:
        tx.connection.execute(insert(named_roots), rows)


def _purge(tx: Transaction, version: int) -> None:
    """Delete the rows of what has been gone for long."""
    until = version - TOMBSTONES
    deleted = 0
    for table in (packs, pack_indexes):
        deleted += tx.connection.execute(delete(table).where(table.c.gone.is_(True), table.c.since <= until)).rowcount
    if deleted:
        tx.connection.execute(update(catalogue).values(purged=until))
