"""What nothing reaches any more is given back, and nothing that somebody reads or writes meanwhile is lost."""

from __future__ import annotations

import random
from contextlib import suppress
from itertools import count

import pytest
from collecting import collect, collection, finish, until_waiting

from hathi.metadata.collection import DatabaseGarbage
from hathi.model.errors import UnavailableError
from hathi.storage.garbage.collection import rehearse
from hathi.versioning import files, repos
from hathi.versioning.writing import Writer


@pytest.fixture(autouse=True)
def some_repos(world) -> None:
    world.repos("a", "b", "c")


def noise(seed: int, size: int = 200_000) -> bytes:
    """Bytes that cannot be compressed."""
    return random.Random(seed).randbytes(size)


def stored(objects) -> int:
    return sum(map(objects.size, objects.list()))


def remove(world, name: str) -> None:
    with world.db.write() as tx:
        repos.delete(tx, world.a_repo(name), force=True)


def write(world, text: str, files: dict[str, bytes]) -> None:
    with Writer(world.store, world.spec(text)) as writer:
        for path, data in files.items():
            writer.put(path, [data])
        writer.close()


def test_the_space_of_a_deleted_repo_comes_back(world, objects) -> None:
    world.put("b@master:/kept", noise(0))
    before = stored(objects)
    for number in range(5):
        world.put(f"a@master:/{number}", noise(number + 1))
    collect(world.store)
    assert stored(objects) > before + 5 * 200_000, "it is in use"
    remove(world, "a")
    grown = stored(objects)
    outcome = collect(world.store)
    assert stored(objects) == before
    assert outcome.freed == grown - before and outcome.packs == 5
    assert world.files("b@master") == {"/kept": noise(0)}
    assert collect(world.store).packs == 0


def test_a_pack_of_which_little_is_in_use_is_rewritten(world, objects) -> None:
    write(world, "a@master", {f"/{number}": noise(number) for number in range(10)})
    with Writer(world.store, world.spec("b@master")) as writer:
        writer.copy(world.spec("a@master"), "/3", "/copy")
        writer.close()
    remove(world, "a")
    collect(world.store)
    assert stored(objects) < 300_000
    assert world.files("b@master") == {"/copy": noise(3)}


def test_a_pack_that_is_mostly_in_use_stays_as_it_is(world, objects) -> None:
    write(world, "a@master", {f"/{number}": noise(number) for number in range(10)})
    with Writer(world.store, world.spec("b@master")) as writer:
        for number in range(8):
            writer.copy(world.spec("a@master"), f"/{number}", f"/{number}")
        writer.close()
    remove(world, "a")
    before = stored(objects)
    assert collect(world.store).packs == 0 and stored(objects) == before


def test_old_versions_and_open_commits_are_in_use(world) -> None:
    first = world.put("a@master:/x", noise(1))
    world.put("a@master:/x", noise(2))
    world.start("a@master")
    world.put("a@master:/y", noise(3))
    world.put("a@master:/y", noise(4), append=True)
    collect(world.store)
    assert world.cat(f"a@{first.id}:/x") == noise(1)
    assert world.files("a@master") == {"/x": noise(2), "/y": noise(3) + noise(4)}
    world.finish("a@master")
    collect(world.store)
    assert world.files("a@master") == {"/x": noise(2), "/y": noise(3) + noise(4)}


def test_a_rehearsal_foretells_what_a_collection_frees_and_changes_nothing(world, objects) -> None:
    write(world, "a@master", {f"/{number}": noise(number) for number in range(10)})
    with Writer(world.store, world.spec("b@master")) as writer:
        writer.copy(world.spec("a@master"), "/3", "/copy")
        writer.close()
    world.put("a@master:/more", noise(11))
    remove(world, "a")
    before = stored(objects)
    garbage = DatabaseGarbage(world.db, world.store.ledger)
    *_, plan = rehearse(world.store.chunks, garbage, world.store.trees, lambda: world.store.roots.read(world.db))
    assert stored(objects) == before and plan is not None
    assert (len(plan.drop), len(plan.rewrite), plan.stored) == (1, 1, before)
    collect(world.store)
    assert abs(before - stored(objects) - plan.frees) < 1000


def test_a_writer_that_stopped_before_naming_what_it_had_found_is_waited_for(world) -> None:
    world.put("a@master:/x", noise(1))
    writer = Writer(world.store, world.spec("b@master"))
    writer.put("/same", [noise(1)])  # found in the pack of the other repo, so not stored again
    remove(world, "a")
    work = collection(world.store)
    steps = work.steps()
    until_waiting(steps)
    writer.close()
    finish(steps)
    assert world.cat("b@master:/same") == noise(1)
    collect(world.store)
    assert world.cat("b@master:/same") == noise(1)


def test_a_writer_that_gives_up_lets_the_space_come_back(world, objects) -> None:
    world.put("a@master:/x", noise(1))
    with Writer(world.store, world.spec("b@master")) as writer:
        writer.put("/same", [noise(1)])
        remove(world, "a")
        steps = collection(world.store).steps()
        until_waiting(steps)
    finish(steps)
    assert stored(objects) == 0


def test_a_writer_that_begins_after_the_condemnation_stores_anew(world, objects) -> None:
    world.put("a@master:/x", noise(1))
    blocker = world.store.chunks.reading()
    remove(world, "a")
    steps = collection(world.store).steps()
    until_waiting(steps)
    world.put("b@master:/same", noise(1))
    blocker.release()
    finish(steps)
    assert world.cat("b@master:/same") == noise(1)
    assert stored(objects) < 250_000


def test_what_is_copied_from_a_commit_that_is_deleted_meanwhile_is_kept(world) -> None:
    """The second copy is made by a writer that began after the condemnation, and the first is gone by the end."""
    world.put("a@master:/d/x", noise(1))
    writer = Writer(world.store, world.spec("b@master"))
    writer.copy(world.spec("a@master"), "/d", "/copy")
    remove(world, "a")
    steps = collection(world.store).steps()
    until_waiting(steps)
    writer.close()
    with Writer(world.store, world.spec("c@master")) as later:
        later.copy(world.spec("b@master"), "/copy", "/again")
        remove(world, "b")
        later.close()
    finish(steps)
    assert world.files("c@master") == {"/again/x": noise(1)}
    collect(world.store)
    assert world.files("c@master") == {"/again/x": noise(1)}


def test_a_reader_of_a_deleted_commit_reads_to_the_end(world, objects) -> None:
    world.put("a@master:/x", noise(1, 20 << 20))
    parts = files.get(world.store, world.spec("a@master"), "/x")
    read = [next(parts)]
    remove(world, "a")
    steps = collection(world.store).steps()
    until_waiting(steps)
    read += parts
    del parts
    finish(steps)
    assert b"".join(read) == noise(1, 20 << 20)
    assert stored(objects) == 0


def test_a_process_elsewhere_is_waited_for_until_it_has_heard_of_the_condemnation(world, another) -> None:
    world.put("a@master:/x", noise(1))
    writer = Writer(another.store, another.spec("b@master"))
    writer.put("/same", [noise(1)])
    another.store.ledger.beat()
    remove(world, "a")
    steps = collection(world.store).steps()
    until_waiting(steps)
    writer.close()
    another.store.ledger.beat()
    finish(steps)
    assert another.cat("b@master:/same") == world.cat("b@master:/same") == noise(1)


def test_deleting_does_not_wait_for_a_collection_nor_does_writing(world) -> None:
    world.put("a@master:/x", noise(1))
    remove(world, "a")
    blocker = world.store.chunks.reading()
    steps = collection(world.store).steps()
    until_waiting(steps)
    world.put("b@master:/y", noise(2))
    remove(world, "b")
    world.repos("a")
    world.put("a@master:/z", noise(3))
    blocker.release()
    finish(steps)
    assert world.files("a@master") == {"/z": noise(3)}


def test_merging_meanwhile_loses_nothing(world, objects) -> None:
    for number in range(30):
        world.put(f"{'ab'[number % 2]}@master:/{number}", noise(number, 3000))
    expected = world.files("b@master")
    remove(world, "a")
    work = collection(world.store)
    for _ in work.steps():
        while world.store.chunks.compact():
            pass
        assert world.files("b@master") == expected
    while world.store.chunks.compact():
        pass
    collect(world.store)
    assert world.files("b@master") == expected
    assert stored(objects) < 15 * 3000 + 40_000


def test_objects_that_nobody_named_go_when_their_writer_is_dead(world, another, objects) -> None:
    alive, dead = world.store.ledger.holder(), "0" * 32
    for holder in (alive, dead):
        objects.put(f"packs/00/{holder}-0a0a0a0a-7", b"half")
        objects.put(f"indexes/{holder}-0a0a0a0a-8", b"half")
    world.put("a@master:/x", b"1")
    outcome = collect(world.store)
    left = [key for key in objects.list() if objects.get(key) == b"half"]
    assert len(left) == 2 and all(alive in key for key in left)
    assert (outcome.orphans, outcome.freed) == (2, 8)
    assert world.cat("a@master:/x") == b"1"


class Interrupted(Exception):
    """What stands for the end of the process."""


class Breaking:
    """Hands calls on to another object, until so many were made; the next one is cut off, before or after its work."""

    def __init__(self, target, left: list[int], after: bool) -> None:
        self._target, self._left, self._after = target, left, after

    def __getattr__(self, name: str):
        method = getattr(self._target, name)
        if not callable(method):
            return method

        def call(*args, **options):
            self._left[0] -= 1
            if self._left[0] < 0 and not self._after:
                raise Interrupted(name)
            result = method(*args, **options)
            if self._left[0] < 0:
                raise Interrupted(name)
            return result

        return call


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("part", ["ledger", "objects"])
def test_a_collection_cut_off_anywhere_loses_nothing_and_the_next_one_ends_the_work(
    world, objects, part: str, after: bool, monkeypatch
) -> None:
    """Once for each call to the database or the object store."""
    chunks = world.store.chunks
    for cut in count():
        remove(world, "b")
        world.repos("b")
        write(world, "a@master", {"/dead": noise(3 * cut, 5000)})
        write(world, "c@master", {f"/{number}": noise(1000 * cut + number, 5000) for number in range(6)})
        with Writer(world.store, world.spec("b@master")) as writer:
            writer.copy(world.spec("c@master"), "/1", "/copy")
            writer.close()
        for name in "ac":
            remove(world, name)
        world.repos("a", "c")
        garbage = DatabaseGarbage(world.db, world.store.ledger)
        left = [cut]
        with monkeypatch.context() as patch:
            ledger = Breaking(garbage, left, after) if part == "ledger" else garbage
            if part == "objects":
                patch.setattr(chunks, "objects", Breaking(objects, left, after))
            with suppress(Interrupted):
                finish(collection(world.store, ledger).steps())  # type: ignore[arg-type]
        assert world.files("b@master") == {"/copy": noise(1000 * cut + 1, 5000)}
        life = world.store.ledger
        life.end_holder(life.holder())  # as if the process had died; the next beat begins another life
        life.beat()
        collect(world.store)
        assert world.files("b@master") == {"/copy": noise(1000 * cut + 1, 5000)}
        assert stored(objects) < 8000
        if left[0] >= 0:
            break
    assert cut > 5


def test_a_store_that_fails_stops_the_collection_and_deletes_nothing(world, objects, monkeypatch) -> None:
    world.put("a@master:/x", noise(1))
    world.put("b@master:/x", noise(2))
    remove(world, "a")
    before = stored(objects)

    def away(*_):
        raise UnavailableError("away")

    with monkeypatch.context() as patch:
        patch.setattr(type(objects), "get", away)
        with pytest.raises(UnavailableError):
            collect(world.store)
    assert stored(objects) == before
    collect(world.store)
    assert stored(objects) < before
