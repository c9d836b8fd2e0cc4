"""Writing: a stream of changes lands whole or not at all, in the open commit or in one of its own."""

from __future__ import annotations

import threading

import pytest

from hathi.model.errors import InvalidError, NotFoundError
from hathi.model.infos import Origin
from hathi.model.packs import LeaseLapsed
from hathi.storage.filesets.errors import PathCollision
from hathi.versioning import writing
from hathi.versioning.errors import CommitFinished, FileNotFound, OutputBranch, PipelineOutput
from hathi.versioning.writing import Append, Copy, Delete, Writer


@pytest.fixture(autouse=True)
def some_repos(world) -> None:
    world.repos("a", "b")


def write(world, text: str, *changes):
    with Writer(world.store, world.spec(text)) as writer:
        writer.apply(changes)
        return writer.close()


def test_a_write_to_a_branch_makes_a_finished_commit(world, objects) -> None:
    first = world.put("a@master:/x", b"1")
    second = world.put("a@master:/y", b"22")
    info = world.info("a@master")
    assert (info.commit, info.parent, info.origin, info.size) == (second, first, Origin.USER, 3)
    assert info.finished == info.started
    assert world.files("a@master") == {"/x": b"1", "/y": b"22"}
    assert len(list(objects.list("packs/"))) == 2


def test_a_write_while_the_head_is_open_goes_into_it(world) -> None:
    commit = world.start("a@master")
    assert world.put("a@master:/x", b"1") == commit
    assert world.put(f"a@{commit.id}:/x", b"2", append=True) == commit
    assert world.info("a@master").open
    world.finish("a@master")
    assert world.files("a@master") == {"/x": b"12"}


def test_appending_is_what_a_stream_does_unless_it_deletes_first(world) -> None:
    write(world, "a@master", Append("/x", b"1"), Append("/x", b"2"), Append("/y", b""))
    assert world.files("a@master") == {"/x": b"12", "/y": b""}
    write(world, "a@master", Append("/x", b"3"))
    assert world.cat("a@master:/x") == b"123"
    write(world, "a@master", Delete("/x"), Append("/x", b"4"))
    assert world.cat("a@master:/x") == b"4"


def test_a_directory_is_deleted_with_a_slash_only(world) -> None:
    write(world, "a@master", Append("/d/x", b"1"), Append("/d/e/y", b"2"), Append("/d-z", b"3"))
    write(world, "a@master", Delete("/d"), Delete("/absent"), Delete("/absent/"))
    assert len(world.files("a@master")) == 3
    write(world, "a@master", Delete("/d/"))
    assert world.files("a@master") == {"/d-z": b"3"}
    write(world, "a@master", Delete("/"))
    assert world.files("a@master") == {}


def test_changes_take_effect_in_order(world) -> None:
    changes = [Append("/d/x", b"1"), Delete("/d/"), Append("/d/y", b"2"), Delete("/d/y"), Append("/d/z", b"3")]
    write(world, "a@master", *changes)
    assert world.files("a@master") == {"/d/z": b"3"}


def test_a_copy_takes_files_and_directories_from_any_commit(world) -> None:
    write(world, "a@master", Append("/d/x", b"1"), Append("/d/y", b"2"))
    world.put("a@master:/d/x", b"new")
    write(world, "b@master", Append("/e/old", b"0"))
    old = world.spec("a@master^")
    write(world, "b@master", Copy("/f", old, "/d/x"), Copy("/e", old, "/d"))
    assert world.files("b@master") == {"/f": b"1", "/e/x": b"1", "/e/y": b"2"}
    write(world, "b@master", Copy("/f", world.spec("a@master"), "/d/x", append=True))
    assert world.cat("b@master:/f") == b"1new"


def test_a_copy_from_an_open_commit_takes_what_is_there_now(world) -> None:
    world.put("a@master:/d/x", b"1")
    world.start("a@master")
    world.put("a@master:/d/x", b"2", append=True)
    write(world, "b@master", Copy("/e", world.spec("a@master"), "/d"), Copy("/f", world.spec("a@master"), "/d/x"))
    assert world.files("b@master") == {"/e/x": b"12", "/f": b"12"}


@pytest.mark.parametrize("open_commit", [False, True])
def test_a_copy_may_not_make_paths_that_no_file_system_holds(world, open_commit) -> None:
    deep = "/d" + "/n" * 1_500
    if open_commit:
        world.start("a@master")
    write(world, "a@master", Append(deep, b"1"))
    source = world.spec("a@master")
    write(world, "b@master", Copy("/" + "t" * 255, source, "/d"))
    with pytest.raises(InvalidError, match="it has 4,000 bytes, and at most 3,900 fit"):
        write(world, "b@master", Copy("/t" * 500, source, "/d"))
    assert len(world.log("b")) == 1


def test_a_copy_of_nothing_is_an_error_and_nothing_is_done(world) -> None:
    world.put("a@master:/x")
    with pytest.raises(FileNotFound):
        write(world, "b@master", Append("/y", b"1"), Copy("/z", world.spec("a@master"), "/absent"))
    assert world.log("b") == []


@pytest.mark.parametrize(
    ("path", "message"), [("/a*b", "globbing character"), ("/a/../b", "relative"), ("/ä", "ASCII"), ("/", "root")]
)
def test_a_path_that_could_not_be_named_again_is_refused(world, path: str, message: str) -> None:
    with pytest.raises(InvalidError, match=message):
        write(world, "a@master", Append("/fine", b"1"), Append(path, b"2"))
    assert world.log("a") == []


def test_a_file_and_a_directory_of_one_name_are_refused_whole(world) -> None:
    world.put("a@master:/x", b"1")
    with pytest.raises(PathCollision, match=r"^file / directory path collision \(/x/z\)$"):
        write(world, "a@master", Append("/y", b"2"), Append("/x/z", b"3"))
    assert world.files("a@master") == {"/x": b"1"}


def test_a_closed_commit_takes_no_writes_but_its_branch_does(world) -> None:
    commit = world.put("a@master:/x")
    with pytest.raises(CommitFinished, match=r"has already finished"):
        world.put(f"a@{commit.id}:/y")
    with pytest.raises(CommitFinished):
        world.put("a@master^0:/y")
    world.put("a@master:/y")


def test_an_output_branch_is_written_by_its_pipeline_only(world) -> None:
    world.branch("b@master", "a@master")
    world.put("b@master:/x")  # its head is open, as the job's is
    world.finish("b@master")
    with pytest.raises(OutputBranch):
        world.put("b@master:/x")


def test_what_a_job_makes_is_written_by_the_job_only(world) -> None:
    world.repos("b.spec")
    world.branch("b@master", "b.spec@master", "a@master")
    commit = world.info("b@master").commit
    for text in ("b@master", f"b@{commit.id}"):
        with pytest.raises(
            PipelineOutput, match=f"only its pipeline writes to the output commit default/b@{commit.id}"
        ):
            world.put(f"{text}:/x")


def test_it_is_said_before_the_bytes_are_sent_that_there_is_no_place_for_them(world) -> None:
    for text in ("none@master", "a@4f3c1f0e1b5c4c0e8f0e1b5c4c0e8f0e"):
        with pytest.raises(NotFoundError):
            Writer(world.store, world.spec(text))
    with pytest.raises(InvalidError):
        Writer(world.store, world.spec("a@master").__class__(world.a_repo("a"), branch="no good"))


def test_an_abandoned_stream_leaves_nothing(world) -> None:
    with pytest.raises(RuntimeError), Writer(world.store, world.spec("a@master")) as writer:
        writer.put("/x", [b"1"])
        raise RuntimeError
    assert world.log("a") == []
    with Writer(world.store, world.spec("a@master")) as writer:
        writer.put("/x", [b"1"])
    assert world.log("a") == []


def test_a_branch_without_commits_downstream_sees_the_write(world) -> None:
    world.branch("b@master", "a@master")
    commit = world.put("a@master:/x")
    assert world.info("b@master").direct_provenance == (commit,)
    assert world.info("b@master").commit.id == commit.id


def test_parallel_writes_to_one_branch_all_land(world) -> None:
    def some(first: int) -> None:
        for number in range(first, first + 5):
            world.put(f"a@master:/{number:03}", b"%d" % number)

    threads = [threading.Thread(target=some, args=(first,)) for first in range(0, 40, 5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(world.files("a@master")) == 40
    assert len(world.log("a")) == 40


def test_a_head_moved_by_another_process_meanwhile_is_folded_onto_again(world, another, monkeypatch) -> None:
    plain, interfering = writing.fold_changes, [lambda: another.put("a@master:/theirs", b"2")]

    def fold(upload, base, row):
        if interfering:
            monkeypatch.setattr(writing, "fold_changes", plain)
            interfering.pop()()
            monkeypatch.setattr(writing, "fold_changes", fold)
        return plain(upload, base, row)

    monkeypatch.setattr(writing, "fold_changes", fold)
    world.put("a@master:/mine", b"1")
    assert world.files("a@master") == another.files("a@master") == {"/mine": b"1", "/theirs": b"2"}
    assert len(world.log("a")) == 2


def test_a_head_opened_meanwhile_takes_the_write(world, another, monkeypatch) -> None:
    plain, commit = writing.fold_changes, []

    def fold(upload, base, row):
        if not commit:
            commit.append(another.start("a@master"))
        return plain(upload, base, row)

    world.put("a@master:/x", b"0")
    monkeypatch.setattr(writing, "fold_changes", fold)
    assert world.put("a@master:/mine", b"1") == commit[0]
    assert world.info("a@master").open


def test_a_commit_closed_meanwhile_gets_a_child_or_refuses(world, another, monkeypatch) -> None:
    commit = world.start("a@master")
    plain = writing.add_run

    def add_run(*args):
        another.finish(f"a@{commit.id}")
        monkeypatch.setattr(writing, "add_run", plain)
        return plain(*args)

    monkeypatch.setattr(writing, "add_run", add_run)
    child = world.put("a@master:/x", b"1")
    assert world.info("a@master").parent == commit and child != commit

    commit = world.start("a@master")
    monkeypatch.setattr(writing, "add_run", add_run)
    with pytest.raises(CommitFinished):
        world.put(f"a@{commit.id}:/y", b"2")


def test_a_writer_that_was_taken_for_dead_names_nothing(world) -> None:
    with Writer(world.store, world.spec("a@master")) as writer:
        writer.put("/x", [b"1"])
        world.store.ledger.end_holder(world.store.ledger.holder())
        with pytest.raises(LeaseLapsed):
            writer.close()
    assert world.log("a") == []


def test_a_large_file_is_streamed_and_comes_back(world) -> None:
    parts = [bytes([n]) * 100_000 + b"%d" % n for n in range(40)]
    with Writer(world.store, world.spec("a@master")) as writer:
        writer.put("/big", iter(parts))
        writer.close()
    assert world.cat("a@master:/big") == b"".join(parts)


@pytest.mark.parametrize("count", [10, 10_000])
def test_equal_files_put_again_store_nothing(world, objects, count: int) -> None:
    def stored_by_a_put() -> int:
        before = sum(map(objects.size, objects.list()))
        with Writer(world.store, world.spec("a@master")) as writer:
            for number in range(count):
                writer.put(f"/{number % 7}/{number}", [b"content %d" % number])
            writer.close()
        return sum(map(objects.size, objects.list())) - before

    assert stored_by_a_put() > 0
    assert stored_by_a_put() == 0
    assert len(world.files("a@master")) == count and len(world.log("a")) == 2
