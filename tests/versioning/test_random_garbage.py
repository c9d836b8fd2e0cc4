"""Random interleavings of writers, readers, deletions, merges and collections agree with dictionaries."""

from __future__ import annotations

import random
from collections.abc import Iterator

import pytest
from collecting import collect, collection, finish

from hathi.metadata.collection import DatabaseGarbage
from hathi.model.errors import NotFoundError
from hathi.storage.garbage.collection import Phase, rehearse
from hathi.versioning import files, repos
from hathi.versioning.writing import Writer

REPOS = ["a", "b", "c"]
PATHS = ["/x", "/y", "/d/x", "/d/y", "/z"]
SMALL = [random.Random(seed).randbytes(400) for seed in range(6)]
LARGE = [
    random.Random(seed).randbytes(700_000) for seed in range(2)
]  # several chunks, so that reading takes several steps


class Scene:
    """What is under way, and what should be there."""

    def __init__(self, worlds, seed: int) -> None:
        self.worlds = worlds
        self.random = random.Random(seed)
        self.repos: dict[str, dict[str, bytes]] = {name: {} for name in REPOS}
        self.writers: list[tuple[Writer, str, list[tuple[str, bytes | None]]]] = []
        self.readers: list[tuple[Iterator[bytes], list[bytes], bytes]] = []
        self.steps: Iterator[Phase] | None = None
        self.collections = self.waits = 0

    def step(self) -> None:
        actions = [self.begin, self.change, self.change, self.change, self.close, self.close, self.open_reader]
        actions += [self.read, self.read, self.remove, self.collect, self.collect, self.collect, self.collect]
        actions += [self.merge]
        self.random.choice(actions)()

    def world(self):
        return self.random.choice(self.worlds)

    def begin(self) -> None:
        name, world = self.random.choice(REPOS), self.world()
        if len(self.writers) < 4:
            self.writers.append((Writer(world.store, world.spec(f"{name}@master")), name, []))

    def change(self) -> None:
        if not self.writers:
            return
        writer, _, done = self.random.choice(self.writers)
        path = self.random.choice(PATHS)
        kind = self.random.random()
        if kind < 0.5:
            data = self.random.choice([*SMALL, *LARGE])
            writer.put(path, [data])
            done.append((path, data))
        elif kind < 0.7:
            writer.delete(path)
            done.append((path, None))
        else:
            source = self.random.choice(REPOS)
            if not self.repos[source]:
                return
            at = self.random.choice(sorted(self.repos[source]))
            writer.copy(self.worlds[0].spec(f"{source}@master"), at, path)
            done.append((path, self.repos[source][at]))

    def close(self) -> None:
        """End a writer; now and then it gives up, and where its repo is gone it must."""
        if not self.writers:
            return
        writer, name, done = self.writers.pop(self.random.randrange(len(self.writers)))
        with writer:
            if self.random.random() < 0.2:
                return
            writer.close()
        for path, data in done:
            self.repos[name].pop(path, None)
            if data is not None:
                self.repos[name][path] = data

    def remove(self) -> None:
        name, world = self.random.choice(REPOS), self.world()
        if self.random.random() < 0.5:
            return
        with world.db.write() as tx:
            repos.delete(tx, world.a_repo(name), force=True)
            repos.create(tx, world.a_repo(name))
        self.repos[name] = {}

    def open_reader(self) -> None:
        name, world = self.random.choice(REPOS), self.world()
        if self.repos[name] and len(self.readers) < 3:
            path = self.random.choice(sorted(self.repos[name]))
            parts = iter(files.get(world.store, world.spec(f"{name}@master"), path))
            first = next(parts)
            self.readers.append((parts, [first], self.repos[name][path]))

    def read(self) -> None:
        if self.readers:
            place = self.random.randrange(len(self.readers))
            parts, got, expected = self.readers[place]
            piece = next(parts, None)
            if piece is not None:
                got.append(piece)
                return
            del self.readers[place]
            assert b"".join(got) == expected

    def merge(self) -> None:
        self.worlds[0].store.chunks.compact()

    def beat(self) -> None:
        for world in (*self.worlds, *self.worlds):  # the first one hears what is new, the second one reports it
            world.store.ledger.beat()

    def collect(self) -> None:
        if self.steps is None:
            self.steps = collection(self.worlds[0].store).steps()
        for _ in range(self.random.randrange(1, 6)):
            phase = next(self.steps, None)
            self.waits += phase is Phase.WAITING
            if phase is None:
                self.collections += 1
                self.steps = None
                return
            if self.random.random() < 0.01:
                self.steps = None  # as if the process had died
                return

    def end(self) -> None:
        while self.readers:
            self.read()
        while self.writers:
            self.close()
        self.beat()
        if self.steps is not None:
            finish(self.steps, self.beat)  # type: ignore[arg-type]

    def check(self, world) -> None:
        for name, expected in self.repos.items():
            try:
                found = world.files(f"{name}@master")
            except NotFoundError:  # nothing was written since the repo was made
                found = {}
            assert found == expected


@pytest.mark.parametrize("seed", range(12))
def test_whatever_is_collected_meanwhile_is_not_in_use(world, another, cold, seed: int) -> None:
    another.db.clock = world.db.clock
    world.repos(*REPOS)
    scene = Scene([world, another], seed)
    for number in range(250):
        scene.step()
        if number % 10 == 0:  # the clock moves on with each look at it, and a process must not be taken for dead
            scene.beat()
        if number % 25 == 0:
            scene.check(world)
    scene.end()
    assert scene.collections and scene.waits
    for _ in range(3):  # what one spares or copies, the next one can give back
        other = cold()
        scene.check(other)
        other.store.ledger.close()
        collect(world.store, scene.beat)
    scene.check(cold())
    ledger = DatabaseGarbage(world.db, world.store.ledger)
    *_, plan = rehearse(world.store.chunks, ledger, world.store.trees, lambda: world.store.roots.read(world.db))
    assert plan is not None and plan.frees == 0
