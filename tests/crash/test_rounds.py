"""Processes killed at random moments, round after round on one server: every round ends right and leaves nothing.

The seed of a failing run is in its output; HATHI_CRASH_SEED and HATHI_CRASH_ROUNDS choose others.
"""

from __future__ import annotations

import contextlib
import json
import os
import random
import signal
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from e2e.support import Pachctl, Pachd, counts, run, spec

pytestmark = [pytest.mark.crash, pytest.mark.e2e, pytest.mark.slow]

ROUNDS = int(os.environ.get("HATHI_CRASH_ROUNDS", "20"))
FILES = 6
COPY = "for f in /pfs/*/*; do case $f in /pfs/out/*) ;; *) sleep 0.05; cp $f /pfs/out/; esac; done"


@pytest.fixture
def pachd(tmp_path: Path) -> Iterator[Pachd]:
    server = Pachd(tmp_path / "root").start()
    yield server
    server.stop()


def processes(root: Path) -> dict[int, str]:
    """Command lines of all processes that tell of a server's root, by process id."""
    found = {}
    for process in Path("/proc").iterdir():
        if process.name.isdigit():
            try:
                command = (process / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
            except OSError:
                continue
            if str(root) in command:
                found[int(process.name)] = command
    return found


def kill_one(pachd: Pachd, victim: str, random: random.Random) -> None:
    """Kill the server, a worker or a sandbox of its; a server is started again."""
    if victim == "pachd":
        pachd.kill()
        pachd.start()
        return
    word = "hathi.worker" if victim == "worker" else "hathi-shim"
    candidates = [id for id, command in processes(pachd.root).items() if word in command.split("--")[0]]
    if candidates:
        with contextlib.suppress(ProcessLookupError):  # it ended by itself meanwhile
            os.kill(random.choice(candidates), signal.SIGKILL)


def test_whatever_is_killed_whenever_each_round_ends_right_and_nothing_is_left(pachd: Pachd, tmp_path: Path) -> None:
    seed = int(os.environ.get("HATHI_CRASH_SEED", random.randrange(1 << 32)))
    print(f"HATHI_CRASH_SEED={seed}")
    chance = random.Random(seed)
    pachctl = Pachctl(pachd.address, tmp_path / "config.json")
    pachctl("create", "repo", "data")
    for name, source in (("first", "data"), ("second", "first")):
        document = json.loads(spec(name, source, COPY))
        document |= {"parallelism_spec": {"constant": 2}, "datum_set_spec": {"number": 1}}
        pachctl("create", "pipeline", text=json.dumps(document))
    expected: dict[str, str] = {}
    for number in range(ROUNDS):
        commit = pachctl("start", "commit", "data@master").strip()
        if expected:
            gone = chance.choice(sorted(expected))
            pachctl("delete", "file", f"data@{commit}:/{gone}")
            del expected[gone]
        for file in range(FILES):
            name, text = f"f{chance.randrange(40):02}", f"{number}.{file}\n"
            pachctl("put", "file", f"data@{commit}:/{name}", text=text)
            expected[name] = text
        finishing = threading.Thread(target=pachctl.run, args=("finish", "commit", f"data@{commit}"))
        finishing.start()
        victims = chance.choices(["pachd", "worker", "shim"], k=chance.randrange(1, 4))
        for victim in victims:
            threading.Event().wait(chance.uniform(0.0, 2.0))
            kill_one(pachd, victim, chance)
        finishing.join()
        pachctl.run("finish", "commit", f"data@{commit}")
        for name in ("first", "second"):
            job = run(pachctl, name)
            assert (job["state"], counts(job)[2]) == ("JOB_SUCCESS", len(expected)), (number, victims, job)
            there = tmp_path / f"{name}-{number}"
            pachctl("get", "file", "-r", f"{name}@master:/", "-o", str(there))
            assert {file.name: file.read_text() for file in there.iterdir()} == expected, (number, victims)
    assert pachd.stop() == 0
    assert processes(pachd.root) == {}
    assert str(pachd.root) not in Path("/proc/self/mounts").read_text()
    assert not (pachd.root / "scratch").exists()
