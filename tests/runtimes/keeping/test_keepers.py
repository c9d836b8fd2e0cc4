"""All groups together have no more workers than there may be, and whoever has work comes to have one.

The worker program is a few lines that ends when it is asked to leave, once nothing holds it.
"""

from __future__ import annotations

import os
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest

from hathi.runtimes.interface import GroupStatus, WorkerGroup
from hathi.runtimes.keeping.companion import Life
from hathi.runtimes.keeping.keepers import Keepers
from hathi.runtimes.keeping.place import Place

BOUND = 3
PROGRAM = """
import os, sys
print("ready", flush=True)
for line in sys.stdin:
    if line == "leave\\n":
        if os.path.exists({hold!r}):
            open({hold!r}).close()  # a fifo: at work until somebody writes to it
        break
"""


class Nothing:
    """A companion of workers that need none."""

    def options(self) -> Sequence[str]:
        return ()

    def heard(self, line: str) -> None:
        pass

    def close(self) -> None:
        pass


class Machine:
    def __init__(self, folder: Path) -> None:
        self.hold = folder / "hold"
        command = (sys.executable, "-Sc", PROGRAM.format(hold=str(self.hold)))
        place = Place(lambda: "localhost:1", folder / "workers", workers=BOUND, command=command)
        self.scratch = place.scratch
        self.most = 0
        self._changed = threading.Condition()

        def accompany(life: Life) -> Nothing:
            self.most = max(self.most, len(list(self.scratch.iterdir())))
            return Nothing()

        self.keepers = Keepers(place, accompany)
        self.keepers.on_change(self._note)

    def group(self, name: str, scale: int = 1, *, busy: bool = True) -> None:
        self.keepers.ensure(WorkerGroup(f"default/{name}/v1", "default", name, 1, scale, busy=busy))

    def status(self, name: str) -> GroupStatus:
        return self.keepers.observe()[f"default/{name}/v1"]

    def wait(self, condition: Callable[[], bool]) -> None:
        with self._changed:
            assert self._changed.wait_for(condition, 60), self.keepers.observe()

    def ready(self, **expected: int) -> None:
        self.wait(lambda: {name: self.status(name).ready for name in expected} == expected)

    def _note(self, key: str) -> None:
        with self._changed:
            self._changed.notify_all()


@pytest.fixture
def machine(tmp_path: Path) -> Iterator[Machine]:
    made = Machine(tmp_path)
    yield made
    made.keepers.close()
    assert made.most <= BOUND, "never more folders of workers than there may be workers"


def test_of_a_billion_workers_there_are_as_many_as_the_machine_runs_and_it_says_so(machine: Machine) -> None:
    machine.group("a", 1_000_000_000)
    machine.ready(a=BOUND)
    status = machine.status("a")
    assert (status.wanted, status.granted, len(status.workers or ())) == (1_000_000_000, BOUND, BOUND)
    assert status.waiting == (
        "it wants 1000000000 workers and has 3: this machine runs at most 3 workers (pachd --max-workers), "
        "which pipelines share"
    )


def test_who_comes_later_gets_a_worker_in_place_of_one_that_has_done_its_work(machine: Machine) -> None:
    machine.group("a", 10)
    machine.ready(a=3)
    os.mkfifo(machine.hold)
    machine.group("b", 1)
    assert (machine.status("a").granted, machine.status("b").granted) == (2, 1)
    assert len(machine.status("a").workers or ()) == 3, "the one at work lives until it is done"
    assert machine.status("b").workers == frozenset()
    with machine.hold.open("w"):
        machine.hold.unlink()
    machine.ready(a=2, b=1)
    machine.keepers.remove("default/b/v1")
    machine.ready(a=3)
    assert machine.status("a").restarts == 0


def test_a_group_without_work_makes_room_for_one_with_work(machine: Machine) -> None:
    for name in "abc":
        machine.group(name, busy=False)
    machine.ready(a=1, b=1, c=1)
    machine.group("d", busy=False)
    assert machine.status("d").granted == 0
    assert "it waits for a worker: this machine runs at most 3 workers" in machine.status("d").waiting
    machine.group("d", busy=True)
    machine.ready(d=1)
    assert sum(machine.status(name).granted or 0 for name in "abc") == 2
    machine.group("d", busy=False)
    assert machine.status("d").ready == 1, "nobody starts and stops without need"


def test_where_more_have_work_than_there_may_be_workers_each_has_its_turn(machine: Machine) -> None:
    names = [f"p{number}" for number in range(8)]
    for name in names:
        machine.group(name)
    machine.ready(p0=1, p1=1, p2=1, p3=0)
    served = {"p0", "p1", "p2"}
    machine.keepers.take_turns(before=0)
    machine.ready(p0=1, p1=1, p2=1)  # they have not had theirs for long enough
    for _ in range(3):
        machine.keepers.take_turns(before=time.monotonic() + 1)
        machine.wait(lambda: sum(machine.status(name).ready for name in names) == BOUND)
        served |= {name for name in names if machine.status(name).ready}
    assert served == set(names)


def test_a_thousand_groups_on_a_small_machine_all_say_where_they_are(machine: Machine) -> None:
    for number in range(1000):
        machine.group(f"p{number}", busy=number == 999)
    machine.ready(p999=1)
    found = machine.keepers.observe().values()
    assert sum(status.granted or 0 for status in found) == BOUND
    assert all(status.waiting for status in found if not status.granted)
