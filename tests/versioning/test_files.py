"""Reading: finished commits from their tree, open ones as far as they are written, closing ones when they are done."""

from __future__ import annotations

import threading

import pytest

from hathi.model.errors import InvalidError, NotFoundError
from hathi.model.infos import FileType
from hathi.storage.filesets.errors import PathCollision
from hathi.versioning import files, finishing
from hathi.versioning.errors import FileNotFound, MatchedDirectory, MatchedSeveral, WaitEnded
from hathi.versioning.writing import Writer


@pytest.fixture
def pictures(world):
    world.repos("a")
    for path, data in [("/cats/1.png", b"one"), ("/cats/2.png", b"two!"), ("/dogs/1.png", b"three"), ("/top", b"0")]:
        world.put(f"a@master:{path}", data)
    return world.spec("a@master")


def test_a_file_and_a_directory_are_described(world, pictures) -> None:
    file, directory = (files.stat(world.store, pictures, path) for path in ("cats/1.png", "/cats/"))
    assert (file.path, file.type, file.size) == ("/cats/1.png", FileType.FILE, 3)
    assert (directory.path, directory.type, directory.size) == ("/cats/", FileType.DIR, 7)
    assert file.commit == world.info("a@master").commit
    assert file.committed == world.info("a@master").finished
    assert len(file.hash) == len(directory.hash) == 32
    root = files.stat(world.store, pictures, "")
    assert (root.path, root.size) == ("/", 13)


def test_what_is_missing_is_named(world, pictures) -> None:
    id = world.info("a@master").commit.id
    message = f"^file /none not found in repo default/a at commit {id}$"
    for call in (files.stat, files.walk, files.get, files.get_all):
        with pytest.raises(FileNotFound, match=message):
            call(world.store, pictures, "/none")
    assert list(files.list_files(world.store, pictures, "/none")) == []
    assert list(files.glob(world.store, pictures, "/none")) == []
    with pytest.raises(NotFoundError, match="branch"):
        files.list_files(world.store, world.spec("a@none"))


def test_listing_is_one_level_deep_and_walking_is_not(world, pictures) -> None:
    assert [info.path for info in files.list_files(world.store, pictures)] == ["/cats/", "/dogs/", "/top"]
    assert [info.path for info in files.list_files(world.store, pictures, "/top")] == ["/top"]
    everything = ["/", "/cats/", "/cats/1.png", "/cats/2.png", "/dogs/", "/dogs/1.png", "/top"]
    assert [info.path for info in files.walk(world.store, pictures)] == everything
    assert [info.path for info in files.walk(world.store, pictures, reverse=True)] == everything[::-1]


def test_pages(world, pictures) -> None:
    pages, after = [], ""
    while page := [info.path for info in files.walk(world.store, pictures, after=after, number=2)]:
        pages += page
        after = page[-1]
    assert pages == [info.path for info in files.walk(world.store, pictures)]
    assert [info.path for info in files.list_files(world.store, pictures, after="/cats/", number=1)] == ["/dogs/"]


def test_globs(world, pictures) -> None:
    assert [info.path for info in files.glob(world.store, pictures, "/*/1.png")] == ["/cats/1.png", "/dogs/1.png"]
    assert [info.path for info in files.glob(world.store, pictures, "/*")] == ["/cats/", "/dogs/", "/top"]
    some = files.glob(world.store, pictures, "/**.png", path_range=("/cats/2.png", "/dogs/1.png"))
    assert [info.path for info in some] == ["/cats/2.png"]
    with pytest.raises(InvalidError):
        files.glob(world.store, pictures, "/[a")


def test_getting_one_file(world, pictures) -> None:
    assert world.cat("a@master:/cats/1.png") == world.cat("a@master:/c*/1*") == b"one"
    assert b"".join(files.get(world.store, pictures, "/cats/2.png", offset=2)) == b"o!"
    assert b"".join(files.get(world.store, pictures, "/cats/2.png", offset=99)) == b""
    with pytest.raises(InvalidError, match="negative"):
        files.get(world.store, pictures, "/top", offset=-1)
    with pytest.raises(MatchedSeveral, match=r"Use GetFileTAR instead"):
        files.get(world.store, pictures, "/cats/*")
    with pytest.raises(MatchedDirectory, match=r"Use GetFileTAR instead"):
        files.get(world.store, pictures, "/cats")


def test_getting_many_yields_each_file_once(world, pictures) -> None:
    for pattern in ("/", "/**", "/{cats,cats/*,dogs,top}"):
        got = {info.path: b"".join(parts) for info, parts in files.get_all(world.store, pictures, pattern)}
        listed = [info.path for info, _ in files.get_all(world.store, pictures, pattern)]
        assert got == world.files("a@master") and len(listed) == 4


def test_an_open_commit_shows_what_was_written_so_far(world, pictures) -> None:
    world.start("a@master")
    assert len(world.files("a@master")) == 4
    world.put("a@master:/new", b"1")
    world.put("a@master:/top", b"1", append=True)
    world.rm("a@master:/dogs/")
    shown = world.files("a@master")
    assert shown == {"/cats/1.png": b"one", "/cats/2.png": b"two!", "/new": b"1", "/top": b"01"}
    assert files.stat(world.store, pictures, "/new").committed is None
    hash_before = files.stat(world.store, pictures, "/").hash
    assert b"".join(files.get(world.store, pictures, "/top", offset=1)) == b"1"
    world.finish("a@master")
    assert world.files("a@master") == shown
    assert files.stat(world.store, pictures, "/").hash == hash_before


def test_an_open_commit_whose_paths_collide_cannot_be_shown(world, pictures) -> None:
    world.start("a@master")
    world.put("a@master:/top/x")
    with pytest.raises(PathCollision):
        world.files("a@master")


def test_reading_waits_for_a_commit_that_is_being_finished(world, pictures) -> None:
    world.start("a@master")
    world.put("a@master:/new", b"1")
    world.finish("a@master", fold=False)
    child = world.start("a@master")
    got = []
    readers = [
        threading.Thread(target=lambda text=text: got.append(world.cat(f"a@{text}:/new")))
        for text in (child.id, "master^")
    ]
    for reader in readers:
        reader.start()
    assert finishing.fold_all(world.store) == 1
    for reader in readers:
        reader.join(30)
    assert got == [b"1", b"1"]


def test_an_open_commit_on_an_open_parent_starts_from_what_is_finished(world) -> None:
    """The output commit of a job whose predecessor still runs."""
    world.repos("a", "b")
    world.branch("b@master", "a@master")
    world.put("b@master:/x", b"1")
    world.finish("b@master")
    world.put("a@master:/1")
    world.put("a@master:/2")
    assert world.files("b@master") == world.files("b@master^") == {"/x": b"1"}


def test_drafts_are_extended_and_forgotten(world, pictures) -> None:
    commit = world.start("a@master")
    for n in range(20):  # runs are merged on the way, so some drafts are made anew
        world.put(f"a@master:/n{n}", b"%d" % n)
        assert len(world.files("a@master")) == 5 + n
    world.finish("a@master")
    assert len(world.files(f"a@{commit.id}")) == 24
    assert not world.store.drafts._kept


def test_a_search_that_finds_nothing_ends_when_nobody_waits_for_it(world, monkeypatch) -> None:
    monkeypatch.setattr("hathi.storage.filesets.files.CHECK_EVERY", 10)
    world.repos("a")
    with Writer(world.store, world.spec("a@master")) as writer:
        for number in range(100):
            writer.put(f"/d/{number:04}", [b"x"])
        writer.close()
    looked = []
    search = files.glob(
        world.store, world.spec("a@master"), "/*/!(*)x", cancelled=lambda: looked.append(1) or len(looked) > 3
    )
    with pytest.raises(WaitEnded):
        next(search)
    assert len(looked) == 4, "every ten files, not every file, and not until the end"
