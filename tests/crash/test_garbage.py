"""A collection that is killed at any step, with SIGKILL: what is in use stays, and the next one ends the work."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

PROGRAM = """
import os, random, signal, sys
from pathlib import Path
from hathi.metadata.collection import DatabaseGarbage
from hathi.metadata.database import Database
from hathi.metadata.ledger import DatabaseLedger
from hathi.model.parse import parse_commit, parse_repo
from hathi.storage.chunks.maintenance import MaintainedChunks
from hathi.storage.garbage.collection import Collection, Phase
from hathi.storage.objects.local import LocalStore
from hathi.versioning import files, repos
from hathi.versioning.store import Store
from hathi.versioning.writing import Writer

root, deadly = Path(sys.argv[1]), int(sys.argv[2])
steps = 0

def step():
    global steps
    steps += 1
    if steps == deadly:
        os.kill(os.getpid(), signal.SIGKILL)

class Deadly:
    def __init__(self, real, names):
        self._real, self._names = real, names
    def __getattr__(self, name):
        real = getattr(self._real, name)
        if name not in self._names:
            return real
        def call(*args, **options):
            step()
            answer = real(*args, **options)
            step()
            return answer
        return call

def noise(seed):
    return random.Random(seed).randbytes(5000)

def check():
    assert b"".join(files.get(store, parse_commit("kept@master"), "/copy")) == noise(1)

database = Database.open(f"sqlite:///{root}/hathi.db", durable=False)
ledger = DatabaseLedger(database)
objects = LocalStore(root / "objects")
chunks = MaintainedChunks(objects, ledger)
store = Store(database, chunks, ledger)
garbage = DatabaseGarbage(database, ledger)
with database.write() as tx:  # those who were killed are taken for dead at once
    from sqlalchemy import delete
    from hathi.metadata.tables.storage import holders
    tx.connection.execute(delete(holders).where(holders.c.id != ledger.holder()))
with database.write() as tx:
    for name in ("kept", "gone", "shared"):
        if not repos.exists(tx, parse_repo(name)):
            repos.create(tx, parse_repo(name))
for name, seeds in (("gone", [deadly + 1000]), ("shared", [1, deadly + 2000, deadly + 3000])):
    with Writer(store, parse_commit(f"{name}@master")) as writer:
        for number, seed in enumerate(seeds):
            writer.put(f"/{number}", [noise(seed)])
        writer.close()
with database.write() as tx:
    repos.delete(tx, parse_repo("kept"), force=True)
    repos.create(tx, parse_repo("kept"))
with Writer(store, parse_commit("kept@master")) as writer:
    writer.copy(parse_commit("shared@master"), "/0", "/copy")
    writer.close()
with database.write() as tx:
    for name in ("gone", "shared"):
        repos.delete(tx, parse_repo(name), force=True)
check()
print("named", flush=True)
chunks.objects = Deadly(objects, {"put", "delete"})
names = {"begin", "condemn", "waiting_for", "named", "spare", "droppable", "orphans", "end"}
ledger.drop = Deadly(ledger, {"drop"}).drop
ledger.rewritten = Deadly(ledger, {"rewritten"}).rewritten
work = Collection(chunks, Deadly(garbage, names), store.trees, lambda: store.roots.read(database))
for phase in work.steps():
    assert phase is not Phase.WAITING
check()
"""


def run(root: Path, deadly: int) -> int:
    arguments = [sys.executable, "-c", PROGRAM, str(root), str(deadly)]
    done = subprocess.run(arguments, stdout=subprocess.PIPE, text=True, check=False)
    assert done.stdout == "named\n"
    return done.returncode


def stored(root: Path) -> int:
    return sum(path.stat().st_size for path in (root / "objects").rglob("*") if path.is_file())


def test_a_collection_that_is_killed_at_any_step_loses_nothing(tmp_path: Path) -> None:
    """Each process begins where the one before was killed, and reads what must be there before it collects."""
    killed = 0
    for deadly in range(1, 200):
        status = run(tmp_path, deadly)
        if status == 0:
            break
        assert status == -signal.SIGKILL
        killed += 1
        if deadly % 8 == 0:  # otherwise more and more is left over
            assert run(tmp_path, 0) == 0
            assert stored(tmp_path) < 7000
    # Around each call to the database, the new pack, and the deletion of two old ones at least.
    assert killed >= 2 * (7 + 1 + 2)
    assert run(tmp_path, 0) == 0
    assert stored(tmp_path) < 7000
