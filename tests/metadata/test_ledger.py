"""The ledger: a pack is live when the transaction that names it commits, and goes when nobody can rely on it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from databases import database_url

from hathi.metadata import ledger as ledger_module
from hathi.metadata.database import Database
from hathi.metadata.ledger import DatabaseLedger
from hathi.model.packs import IndexRecord, LeaseLapsed, PackRecord, PackState, RemoteWriter, Root

ONE = PackRecord("packs/00/a-0", 10, 1)
TWO = PackRecord("packs/00/b-0", 20, 2)


class Clock:
    def __init__(self) -> None:
        self.now = datetime(2030, 1, 1, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.now

    def advance(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def db(tmp_path: Path, clock: Clock) -> Iterator[Database]:
    database = Database.open(database_url(tmp_path / "hathi.db"), durable=False, clock=clock)
    yield database
    database.close()


@pytest.fixture
def ledger(db: Database) -> DatabaseLedger:
    return DatabaseLedger(db, seconds=100)


@pytest.fixture
def register(db: Database, ledger: DatabaseLedger) -> Callable[..., None]:
    def register(*packs: PackRecord, holder: str = "", roots: tuple[Root, ...] = ()) -> None:
        with db.write() as tx:
            ledger.register(tx, RemoteWriter(holder or ledger.holder()), packs, roots)

    return register


def condemn(db: Database, ledger: DatabaseLedger, *packs: PackRecord, superseded: bool = False) -> int:
    with db.write() as tx:
        return ledger.condemn(tx, [pack.name for pack in packs], superseded=superseded)


def live(ledger: DatabaseLedger) -> tuple[PackState, ...]:
    catalogue = ledger.catalogue()
    assert catalogue is not None
    return catalogue.packs


def test_a_registered_pack_is_live_and_the_version_grows(ledger: DatabaseLedger, register: Callable[..., None]) -> None:
    before = ledger.catalogue()
    assert before is not None and before.packs == ()
    register(ONE, TWO)
    after = ledger.catalogue(before.version)
    assert after is not None and after.version == before.version + 1
    assert [pack.record for pack in after.packs] == [ONE, TWO]
    assert ledger.catalogue(after.version) is None


def test_registering_again_changes_nothing(ledger: DatabaseLedger, register: Callable[..., None]) -> None:
    for _ in range(2):
        register(ONE)
    assert [pack.record for pack in live(ledger)] == [ONE]


def test_a_writer_hears_that_its_packs_are_named_only_after_the_commit(db: Database, ledger: DatabaseLedger) -> None:
    heard: list[str] = []

    class Upload(RemoteWriter):
        def named(self, packs: object) -> None:
            heard.append(str(packs))

    upload = Upload(ledger.holder())
    with pytest.raises(ZeroDivisionError), db.write() as tx:
        ledger.register(tx, upload, [ONE], [])
        raise ZeroDivisionError
    assert heard == []
    assert ledger.unregistered([ONE.name]) == [ONE.name]
    with db.write() as tx:
        ledger.register(tx, upload, [ONE], [])
        assert heard == []
    assert heard == [str([ONE])]
    assert ledger.unregistered([ONE.name]) == []


@pytest.mark.parametrize("packs", [(), (ONE,)])
def test_a_holder_that_ended_names_nothing(
    db: Database, ledger: DatabaseLedger, register: Callable[..., None], packs: tuple[PackRecord, ...]
) -> None:
    worker = ledger.open_holder("worker", "w")
    register(TWO, holder=worker.id)
    ledger.end_holder(worker.id)
    assert ledger.beat_holder(worker.id, 0)[0] is False
    with pytest.raises(LeaseLapsed):
        register(*packs, holder=worker.id)
    assert [pack.record for pack in live(ledger)] == [TWO]


def test_silence_alone_ends_no_holder(clock: Clock, ledger: DatabaseLedger, register: Callable[..., None]) -> None:
    """Only who is taken for dead, by a look at who pins what, has lost the right to name what it wrote."""
    worker = ledger.open_holder("worker", "w")
    clock.advance(1000)
    register(ONE, holder=worker.id)
    assert ledger.beat_holder(worker.id, worker.version)[0]
    clock.advance(99)
    ledger.oldest_pin()
    register(TWO, holder=worker.id)
    clock.advance(1)
    ledger.oldest_pin()
    with pytest.raises(LeaseLapsed):
        register(ONE, holder=worker.id)
    register(ONE)  # this process is never dead for itself


def test_a_process_that_was_taken_for_dead_begins_a_new_life(
    clock: Clock, db: Database, ledger: DatabaseLedger, register: Callable[..., None]
) -> None:
    other = DatabaseLedger(db, seconds=100)
    old = ledger.holder()
    clock.advance(101)
    other.oldest_pin()
    assert ledger.alive(old)
    ledger.beat()
    assert not ledger.alive(old)
    register(ONE)
    with pytest.raises(LeaseLapsed):
        register(TWO, holder=old)
    ledger.close()
    assert other.live_holders() == {other.holder()}


def test_a_holder_elsewhere_outlives_a_restart(db: Database, ledger: DatabaseLedger) -> None:
    worker = ledger.open_holder("worker", "w")
    ledger.close()
    restarted = DatabaseLedger(db)
    with db.write() as tx:
        restarted.register(tx, RemoteWriter(worker.id), [ONE], [])
    assert restarted.live_holders() == {worker.id, restarted.holder()}


def test_a_server_that_was_killed_is_forgotten_by_the_next(db: Database, ledger: DatabaseLedger) -> None:
    worker = ledger.open_holder("worker", "w")
    restarted = DatabaseLedger(db)
    restarted.end_other_servers()
    assert restarted.live_holders() == {worker.id, restarted.holder()}


def test_records_of_dead_holders_do_not_pile_up(clock: Clock, ledger: DatabaseLedger) -> None:
    for _ in range(20):
        ledger.open_holder("worker", "w")
        clock.advance(86_400)
    assert len(ledger.live_holders()) <= 4


def test_a_heartbeat_writes_only_when_there_is_something_to_say(
    clock: Clock,
    db: Database,
    ledger: DatabaseLedger,
    register: Callable[..., None],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Thousands of workers beat while the catalogue changes all the time."""
    for number in range(5):
        register(PackRecord(f"packs/00/x-{number}", 1, 1))
    written: list[datetime] = []
    write = db.write
    monkeypatch.setattr(db, "write", lambda: written.append(clock.now) or write())
    for version in range(1, 5):
        clock.advance(10)
        assert ledger.beat_holder(ledger.holder(), version) == (True, 5)
    assert written == []
    clock.advance(10)
    ledger.beat_holder(ledger.holder(), 4)
    assert len(written) == 1
    clock.advance(10)
    ledger.beat_holder(ledger.holder(), 3)  # older than what it said: that matters at once
    assert len(written) == 2


def test_a_condemned_pack_is_dropped_when_no_pin_is_older(
    db: Database, ledger: DatabaseLedger, register: Callable[..., None]
) -> None:
    register(ONE)
    before = ledger.pins.hold()
    version = condemn(db, ledger, ONE)
    assert [pack.condemned for pack in live(ledger)] == [version]
    after = ledger.pins.hold()
    assert ledger.droppable() == []
    before.release()
    assert ledger.oldest_pin() == version
    assert ledger.droppable() == [ONE.name]
    after.release()
    assert ledger.drop([ONE.name, TWO.name]) == [ONE.name]
    assert live(ledger) == ()
    assert ledger.drop([ONE.name]) == []


def test_pins_elsewhere_count_as_they_were_last_reported(
    clock: Clock, db: Database, ledger: DatabaseLedger, register: Callable[..., None]
) -> None:
    """A worker without pins holds things up until its next heartbeat: it may pin what it knows of at any time."""
    register(ONE)
    worker = ledger.open_holder("worker", "w")
    version = condemn(db, ledger, ONE)
    assert ledger.droppable() == []
    assert ledger.beat_holder(worker.id, worker.version) == (True, version)
    assert ledger.droppable() == []
    ledger.beat_holder(worker.id, version)
    assert ledger.droppable() == [ONE.name]
    ledger.beat_holder(worker.id, version - 1)
    assert ledger.droppable() == []
    clock.advance(101)
    assert ledger.droppable() == [ONE.name]


def test_a_superseded_pack_goes_whatever_is_pinned(
    db: Database, ledger: DatabaseLedger, register: Callable[..., None]
) -> None:
    register(ONE)
    merged = PackRecord("packs/00/m-0", 10, 1)
    with ledger.pins.hold():
        assert ledger.rewritten(RemoteWriter(ledger.holder()), [merged], [ONE.name], superseded=True)
        assert ledger.superseded() == [ONE.name]
        assert ledger.droppable() == []
        assert ledger.drop(ledger.superseded()) == [ONE.name]
    assert [pack.record for pack in live(ledger)] == [merged]


@pytest.mark.parametrize("superseded", [False, True])
def test_a_rewrite_needs_its_sources(
    db: Database, ledger: DatabaseLedger, register: Callable[..., None], superseded: bool
) -> None:
    register(ONE, TWO)
    writer, merged = RemoteWriter(ledger.holder()), PackRecord("packs/00/m-0", 10, 1)
    condemn(db, ledger, ONE)
    # What is merged must be in use; what a collection rewrites may be condemned, but must be there.
    assert ledger.rewritten(writer, [merged], [ONE.name, TWO.name], superseded) is not superseded
    ledger.drop([ONE.name])
    late = PackRecord("packs/00/m-1", 10, 1)
    assert not ledger.rewritten(writer, [late], [ONE.name], superseded)
    assert late not in [pack.record for pack in live(ledger)]


def test_a_condemned_pack_can_be_spared(db: Database, ledger: DatabaseLedger, register: Callable[..., None]) -> None:
    register(ONE)
    condemn(db, ledger, ONE)
    with db.write() as tx:
        ledger.spare(tx, [ONE.name])
    assert live(ledger) == (PackState(*ONE_FIELDS),)
    assert ledger.drop([ONE.name]) == []


ONE_FIELDS = (ONE.name, ONE.size, ONE.chunks)


def test_changes_are_listed_since_any_version(
    db: Database, ledger: DatabaseLedger, register: Callable[..., None]
) -> None:
    register(ONE)
    start = ledger.catalogue()
    assert start is not None
    register(TWO)
    condemned = condemn(db, ledger, ONE)
    changes = ledger.catalogue(start.version)
    assert changes is not None and changes.since == start.version
    assert set(changes.packs) == {PackState(TWO.name, 20, 2), PackState(ONE.name, 10, 1, condemned)}
    ledger.drop([ONE.name])
    ledger.merged(IndexRecord("indexes/1", 5, 1), [])
    ledger.merged(IndexRecord("indexes/2", 9, 3), ["indexes/1"])
    last = ledger.catalogue(changes.version)
    assert last is not None
    assert last.packs == (PackState(ONE.name, 10, 1, gone=True),)
    assert set(last.indexes) == {IndexRecord("indexes/1", 5, 1, gone=True), IndexRecord("indexes/2", 9, 3)}
    whole = ledger.catalogue()
    assert whole is not None and whole.since == -1
    assert whole.packs == (PackState(TWO.name, 20, 2),)
    assert whole.indexes == (IndexRecord("indexes/2", 9, 3),)


def test_who_missed_what_was_purged_is_given_all(
    db: Database, ledger: DatabaseLedger, register: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Rows of packs that are gone are deleted after a while, so that they do not pile up."""
    monkeypatch.setattr(ledger_module, "TOMBSTONES", 4)
    register(ONE)
    start = ledger.catalogue()
    assert start is not None
    for number in range(20):
        pack = PackRecord(f"packs/00/x-{number}", 1, 1)
        register(pack)
        condemn(db, ledger, pack)
        ledger.drop([pack.name])
        with db.read() as tx:
            rows = tx.connection.exec_driver_sql("SELECT count(*) FROM packs").scalar_one()
        assert rows <= 4
    behind = ledger.catalogue(start.version)
    assert behind is not None and behind.since == -1
    assert [pack.record for pack in behind.packs] == [ONE]
    assert ledger.catalogue(behind.version) is None


def test_what_changed_little_is_told_in_little(
    db: Database, ledger: DatabaseLedger, register: Callable[..., None]
) -> None:
    rows: list[int] = []
    for count in (10, 1000):
        register(*(PackRecord(f"packs/00/{count}-{n}", 1, 1) for n in range(count)))
        known = ledger.catalogue()
        assert known is not None
        register(PackRecord(f"packs/00/{count}-more", 1, 1))
        changes = ledger.catalogue(known.version)
        assert changes is not None
        rows.append(len(changes.packs))
    assert rows == [1, 1]


def test_roots_named_during_a_collection_are_noted(
    db: Database, ledger: DatabaseLedger, register: Callable[..., None]
) -> None:
    one, two, three = Root("files", b"1" * 32), Root("run", b"2" * 32), Root("datums", b"3" * 32)
    register(ONE, roots=(one,))
    with db.write() as tx:
        version = ledger.begin_collection(tx)
    with db.read() as tx:
        assert ledger.collecting(tx) == version
    register(TWO, roots=(one, two))
    register(roots=(three,))
    with db.write() as tx:
        ledger.name_roots(tx, [one])
        (first, _), *_ = found = ledger.named_roots(tx)
        assert [root for _, root in found] == [one, two, three, one]
        assert [root for _, root in ledger.named_roots(tx, after=first, number=2)] == [two, three]
        ledger.end_collection(tx)
    register(roots=(three,))
    with db.read() as tx:
        assert ledger.named_roots(tx) == []
        assert ledger.collecting(tx) is None


def test_a_collection_that_begins_again_forgets_what_was_noted(
    db: Database, ledger: DatabaseLedger, register: Callable[..., None]
) -> None:
    with db.write() as tx:
        ledger.begin_collection(tx)
    register(ONE, roots=(Root("files", b"1" * 32),))
    with db.write() as tx:
        ledger.begin_collection(tx)
        assert ledger.named_roots(tx) == []
