"""A merge that is killed at any step, with SIGKILL: nothing that was acknowledged is lost, the next run finishes it."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

from hathi.metadata.database import Database
from hathi.metadata.ledger import DatabaseLedger
from hathi.storage.chunks.maintenance import MaintainedChunks
from hathi.storage.chunks.merging import FAN
from hathi.storage.objects.local import LocalStore

PROGRAM = """
import os, signal, sys
from pathlib import Path
from hathi.metadata.database import Database
from hathi.metadata.ledger import DatabaseLedger
from hathi.storage.chunks.maintenance import MaintainedChunks
from hathi.storage.objects.local import LocalStore

root, deadly, fill = Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])
steps = 0

def step(*args):
    global steps
    steps += 1
    if steps == deadly:
        os.kill(os.getpid(), signal.SIGKILL)

def around(owner, name):
    real = getattr(owner, name)
    def call(*args, **options):
        step()
        answer = real(*args, **options)
        step()
        return answer
    setattr(owner, name, call)

database = Database.open(f"sqlite:///{root}/hathi.db")
ledger = DatabaseLedger(database)
objects = LocalStore(root / "objects")
chunks = MaintainedChunks(objects, ledger)
for number in range(fill):
    with chunks.upload() as upload:
        id = upload.put(f"{os.getpid()} {number}".encode())
        packs = upload.seal()
        with database.write() as tx:
            ledger.register(tx, upload, packs, [])
    print(id.hex(), flush=True)
for owner, names in ((objects, ("put", "delete")), (ledger, ("rewritten", "drop"))):
    for name in names:
        around(owner, name)
while chunks.compact():
    pass
"""


def run(root: Path, deadly: int, fill: int) -> tuple[int, list[bytes]]:
    """Fill a store and merge, until step number `deadly`; return the exit status and the ids that were acknowledged."""
    arguments = [sys.executable, "-c", PROGRAM, str(root), str(deadly), str(fill)]
    done = subprocess.run(arguments, stdout=subprocess.PIPE, text=True, check=False)
    return done.returncode, [bytes.fromhex(line) for line in done.stdout.split()]


def check(root: Path, ids: list[bytes]) -> int:
    """Read everything in a process that knows nothing; return the number of packs."""
    database = Database.open(f"sqlite:///{root}/hathi.db", durable=False)
    ledger = DatabaseLedger(database)
    chunks = MaintainedChunks(LocalStore(root / "objects"), ledger)
    try:
        assert all(chunks.get(id) for id in ids)
        catalogue = ledger.catalogue()
        assert catalogue is not None
        return len(catalogue.packs)
    finally:
        chunks.close()
        database.close()


def test_a_merge_that_is_killed_at_any_step_loses_nothing(tmp_path: Path) -> None:
    ids: list[bytes] = []
    survived = 0
    for deadly in range(1, 100):
        status, acknowledged = run(tmp_path, deadly, FAN)
        assert len(acknowledged) == FAN
        ids += acknowledged
        if deadly <= 4:
            check(tmp_path, ids)
        if status == 0:
            break
        assert status == -signal.SIGKILL
        survived += 1
    # Around the object, the transaction, the drop of the sources, and the deletion of each of them.
    assert survived >= 4 + 2 + FAN
    assert check(tmp_path, ids) <= FAN
    assert run(tmp_path, 0, 0)[0] == 0
    assert check(tmp_path, ids) <= FAN
