"""The ledger: a pack is live when the transaction that names it commits, and only under a lease that lives."""

from __future__ import annotations

import pytest
from sqlalchemy import delete, select, update

from hathi.metadata.database import Database
from hathi.metadata.ledger import DatabaseLedger
from hathi.metadata.tables.storage import catalogue as catalogue_table
from hathi.metadata.tables.storage import packs
from hathi.model.packs import IndexRecord, LeaseLapsed, PackRecord

PACK = PackRecord("packs/a-0", 10, 1)
OTHER = PackRecord("packs/b-0", 20, 2)


class Clock:
    def __init__(self) -> None:
        self.seconds = 0.0

    def __call__(self) -> float:
        return self.seconds


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def ledger(db: Database, clock: Clock) -> DatabaseLedger:
    return DatabaseLedger(db, seconds=10, clock=clock)


def test_a_registered_pack_is_live_and_the_version_grows(db: Database, ledger: DatabaseLedger) -> None:
    before = ledger.catalogue()
    assert before is not None and before.packs == ()
    lease = ledger.open_lease()
    with db.write() as tx:
        ledger.register(tx, lease.id, [PACK, OTHER])
    after = ledger.catalogue(before.version)
    assert after is not None and after.packs == (PACK, OTHER) and after.version == before.version + 1
    assert ledger.catalogue(after.version) is None


def test_registering_again_changes_nothing(db: Database, ledger: DatabaseLedger) -> None:
    lease = ledger.open_lease()
    for _ in range(2):
        with db.write() as tx:
            ledger.register(tx, lease.id, [PACK])
    catalogue = ledger.catalogue()
    assert catalogue is not None and catalogue.packs == (PACK,)


@pytest.mark.parametrize("durable", [False, True])
def test_an_ended_lease_names_nothing(db: Database, ledger: DatabaseLedger, durable: bool) -> None:
    lease = ledger.open_lease(durable=durable)
    ledger.end_lease(lease.id)
    assert not ledger.renew_lease(lease.id)
    with pytest.raises(LeaseLapsed), db.write() as tx:
        ledger.register(tx, lease.id, [PACK])
    catalogue = ledger.catalogue()
    assert catalogue is not None and catalogue.packs == ()


def test_a_lease_lapses_unless_it_is_renewed(db: Database, ledger: DatabaseLedger, clock: Clock) -> None:
    kept, lost = ledger.open_lease(), ledger.open_lease()
    clock.seconds = 9
    assert ledger.renew_lease(kept.id)
    clock.seconds = 18
    assert ledger.renew_lease(kept.id)
    assert not ledger.renew_lease(lost.id)
    with pytest.raises(LeaseLapsed), db.write() as tx:
        ledger.register(tx, lost.id, [PACK])


def test_a_durable_lease_outlives_the_process(db: Database, ledger: DatabaseLedger) -> None:
    kept, lost = ledger.open_lease(durable=True), ledger.open_lease()
    restarted = DatabaseLedger(db)
    assert restarted.renew_lease(kept.id)
    assert not restarted.renew_lease(lost.id)
    with db.write() as tx:
        restarted.register(tx, kept.id, [PACK])


def test_a_merged_index_replaces_older_ones(ledger: DatabaseLedger) -> None:
    small = IndexRecord("index/1", 5, 1, (PACK.name,))
    big = IndexRecord("index/2", 9, 3, (PACK.name, OTHER.name))
    ledger.merged(small, [])
    ledger.merged(big, ["index/1"])
    catalogue = ledger.catalogue()
    assert catalogue is not None and catalogue.indexes == (big,)


def test_what_is_known_is_not_read_again(db: Database, ledger: DatabaseLedger) -> None:
    """Following the catalogue costs what changed: a pack already heard of is the same value, not a new one."""
    lease = ledger.open_lease()
    for pack in (PACK, OTHER):
        with db.write() as tx:
            ledger.register(tx, lease.id, [pack])
        catalogue = ledger.catalogue()
        assert catalogue is not None and catalogue.packs[-1] == pack
    again, fresh = ledger.catalogue(), DatabaseLedger(db).catalogue()
    assert again is not None and fresh is not None
    assert again.packs == fresh.packs == (PACK, OTHER)


def test_a_pack_condemned_elsewhere_is_heard_of(db: Database, ledger: DatabaseLedger) -> None:
    lease = ledger.open_lease()
    with db.write() as tx:
        ledger.register(tx, lease.id, [PACK, OTHER])
    ledger.catalogue()
    with db.write() as tx:
        tx.connection.execute(update(catalogue_table).values(version=catalogue_table.c.version + 1))
        version = tx.connection.execute(select(catalogue_table.c.version)).scalar_one()
        tx.connection.execute(update(packs).where(packs.c.name == PACK.name).values(condemned=True, since=version))
    catalogue = ledger.catalogue()
    assert catalogue is not None
    assert catalogue.packs == (PACK, OTHER) and catalogue.condemned == {PACK.name}


def test_a_pack_that_went_away_is_forgotten(db: Database, ledger: DatabaseLedger) -> None:
    lease = ledger.open_lease()
    with db.write() as tx:
        ledger.register(tx, lease.id, [PACK, OTHER])
    ledger.catalogue()
    with db.write() as tx:
        version = catalogue_table.c.version + 1
        tx.connection.execute(update(catalogue_table).values(version=version, purged=version))
        tx.connection.execute(delete(packs).where(packs.c.name == PACK.name))
    catalogue = ledger.catalogue()
    assert catalogue is not None and catalogue.packs == (OTHER,)
