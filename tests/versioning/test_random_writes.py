"""Random interleavings of writers, finishes and folds, of two processes, agree with dictionaries."""

from __future__ import annotations

import random

import pytest

from hathi.model.errors import HathiError
from hathi.storage.filesets.errors import PathCollision
from hathi.versioning import finishing
from hathi.versioning.writing import Append, Delete, Writer

PATHS = ["/a", "/b", "/d/x", "/d/y", "/d/e/z", "/d-", "/f/x"]


class Scene:
    """One branch, several writers under way, and what should be in it."""

    def __init__(self, worlds, seed: int) -> None:
        self.worlds = worlds
        self.random = random.Random(seed)
        self.expected: dict[str, bytes] = {}
        self.history: list[dict[str, bytes]] = []
        self.open = False
        self.writers: list[tuple[Writer, list]] = []

    def step(self) -> None:
        action = self.random.choice(
            [self.begin, self.begin, self.change, self.change, self.close, self.toggle, self.fold]
        )
        action()

    def world(self):
        return self.random.choice(self.worlds)

    def begin(self) -> None:
        world = self.world()
        self.writers.append((Writer(world.store, world.spec("a@master")), []))

    def change(self) -> None:
        if self.writers:
            writer, changes = self.random.choice(self.writers)
            path = self.random.choice(PATHS)
            kinds = [Append(path, b"%d," % self.random.randrange(100)), Delete(path), Delete("/d/"), Delete("/f/")]
            change = self.random.choices(kinds, [6, 2, 1, 1])[0]
            writer.apply([change])
            changes.append(change)

    def close(self) -> None:
        if not self.writers:
            return
        writer, changes = self.writers.pop(self.random.randrange(len(self.writers)))
        if not self.open:
            finishing.fold_all(self.world().store)
        with writer:
            writer.close()
        for change in changes:
            self.apply(change)
        if not self.open:
            self.history.append(dict(self.expected))

    def apply(self, change) -> None:
        if isinstance(change, Append):
            self.expected[change.path] = self.expected.get(change.path, b"") + change.data
        elif change.path.endswith("/"):
            self.expected = {path: data for path, data in self.expected.items() if not path.startswith(change.path)}
        else:
            self.expected.pop(change.path, None)

    def toggle(self) -> None:
        if self.open:
            self.world().finish("a@master", fold=False)
            self.history.append(dict(self.expected))
        else:
            self.world().start("a@master")
        self.open = not self.open

    def fold(self) -> None:
        finishing.fold_all(self.world().store)

    def check(self) -> None:
        for writer, _ in self.writers:
            with writer:
                pass
        finishing.fold_all(self.world().store)
        for world in self.worlds:
            if self.history or self.open:
                assert world.files("a@master") == self.expected
            for back, files in enumerate(reversed(self.history)):
                assert world.files(f"a@master^{back + self.open}") == files
                assert world.info(f"a@master^{back + self.open}").size == sum(map(len, files.values()))


@pytest.mark.parametrize("seed", range(10))
def test_random_interleavings(world, another, seed: int) -> None:
    world.repos("a")
    scene = Scene([world, another], seed)
    for _ in range(60):
        scene.step()
    scene.check()


def test_a_collision_names_the_path_and_changes_nothing(world) -> None:
    world.repos("a")
    world.put("a@master:/d")
    with pytest.raises(PathCollision, match=r"\(/d/x\)") as caught:
        world.put("a@master:/d/x")
    assert isinstance(caught.value, HathiError)
    assert world.files("a@master") == {"/d": b"x"}
