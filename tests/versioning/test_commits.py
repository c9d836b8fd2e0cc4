"""Commits: started on a finished parent, closed once, found by every name they have."""

from __future__ import annotations

import pytest

from hathi.model.errors import InvalidError, NotFoundError, PreconditionError
from hathi.model.infos import CommitState, Origin
from hathi.model.references import CommitSpec
from hathi.storage.filesets.node import EMPTY_ROOT
from hathi.versioning import branches, commit_lists, commits
from hathi.versioning.errors import CommitFinished, InconsistentCommit, OutputBranch, ParentNotFinished


@pytest.fixture(autouse=True)
def some_repos(world) -> None:
    world.repos("a", "b")


def state(world, text: str) -> CommitState:
    with world.db.read() as tx:
        return commits.state(tx, commits.resolve(tx, world.spec(text)))


def test_starting_makes_the_branch_and_moves_it(world) -> None:
    first = world.start("a@master")
    assert world.head("a@master").head == first
    assert world.info("a@master").origin is Origin.USER and world.info("a@master").parent is None
    world.finish("a@master")
    second = world.start("a@master")
    assert world.info("a@master").parent == first
    assert world.info(f"a@{first.id}").children == (second,)


def test_a_commit_starts_on_a_closed_parent_only(world) -> None:
    first = world.start("a@master")
    with pytest.raises(ParentNotFinished, match=f"^parent commit default/a@{first.id} has not been finished$"):
        world.start("a@master")
    world.put("a@master:/x")
    world.finish("a@master", fold=False)
    assert state(world, "a@master") is CommitState.FINISHING
    world.start("a@master")


def test_a_parent_may_be_any_commit_of_the_repo(world) -> None:
    first = world.put("a@master:/x", b"1")
    world.put("a@master:/x", b"2")
    world.start("a@fork", parent="a@master^")
    assert world.info("a@fork").parent == first
    assert world.cat("a@fork:/x") == b"1"
    with pytest.raises(InvalidError, match="not in repo"):
        world.start("b@master", parent="a@master")
    with pytest.raises(NotFoundError):
        world.start("a@fork2", parent="a@nowhere")


def test_nobody_starts_a_commit_on_an_output_branch(world) -> None:
    world.branch("b@master", "a@master")
    with pytest.raises(OutputBranch, match=r"^cannot start a commit on an output branch: default/b@master$"):
        world.start("b@master")


def test_a_repo_has_one_commit_in_a_transaction(world) -> None:
    with (
        pytest.raises(InconsistentCommit, match=r"repo \(a\) already has a commit in this transaction"),
        world.db.write() as tx,
    ):
        commits.start(tx, world.a_branch("a@master"))
        commits.finish(tx, world.spec("a@master"))
        commits.start(tx, world.a_branch("a@master"))
    with pytest.raises(InconsistentCommit), world.db.write() as tx:
        commits.start(tx, world.a_branch("a@master"))
        commits.start(tx, world.a_branch("a@master"))
    with pytest.raises(InconsistentCommit), world.db.write() as tx:
        commits.start(tx, world.a_branch("a@master"))
        branches.create(tx, world.a_branch("a@other"))
    assert world.log("a") == []


def test_closing_without_writes_finishes_at_once(world) -> None:
    world.put("a@master:/x", b"123")
    world.start("a@master")
    world.finish("a@master", fold=False)
    info = world.info("a@master")
    assert info.finished and info.size == 3
    assert world.cat("a@master:/x") == b"123"


def test_a_commit_is_closed_once(world) -> None:
    commit = world.start("a@master")
    world.finish("a@master")
    for again in ("a@master", f"a@{commit.id}"):
        with pytest.raises(CommitFinished, match=f"^commit default/a@{commit.id} has already finished$"):
            world.finish(again)


def test_closing_may_replace_the_description(world) -> None:
    with world.db.write() as tx:
        commits.start(tx, world.a_branch("a@master"), description="one")
        commits.finish(tx, world.spec("a@master"), "two")
    assert world.info("a@master").description == "two"


def test_a_failed_commit_holds_nothing_and_the_next_one_ignores_it(world) -> None:
    world.put("a@master:/x", b"1")
    world.start("a@master")
    world.put("a@master:/x", b"2")
    world.finish("a@master", error="no good", fold=False)
    info = world.info("a@master")
    assert info.error == "no good" and info.finished and info.size == 0
    assert world.files("a@master") == {}
    world.put("a@master:/y", b"3")
    assert world.files("a@master") == {"/x": b"1", "/y": b"3"}


def test_a_commit_made_by_a_pipeline_is_closed_by_force_only(world) -> None:
    world.repos("b.spec")
    world.branch("b@master", "b.spec@master", "a@master")
    with pytest.raises(PreconditionError, match="use 'stop job' instead"):
        world.finish("b@master")
    with world.db.write() as tx:
        commits.finish(tx, world.spec("b@master"), force=True)
    assert world.info("b@master").finished


def test_a_pipeline_finishes_its_commits_with_a_tree(world) -> None:
    source = world.put("a@master:/x", b"123")
    with world.db.read() as tx:
        root = commits.root_of(tx, source)
    assert root is not None
    world.branch("b@master", "a@master")
    made = world.info("b@master").commit
    with world.db.write() as tx:
        assert commits.root_of(tx, made) is None
        commits.finish_output(tx, made, root, 3)
        assert commits.root_of(tx, made) == root
    assert world.files("b@master") == {"/x": b"123"}
    with pytest.raises(CommitFinished), world.db.write() as tx:
        commits.finish_output(tx, made, EMPTY_ROOT, 0, "late")


def test_ready_follows_from_provenance(world) -> None:
    world.branch("b@master", "a@master")
    assert state(world, "b@master") is CommitState.READY
    world.start("a@master")
    assert (state(world, "a@master"), state(world, "b@master")) == (CommitState.READY, CommitState.STARTED)
    world.finish("a@master")
    assert (state(world, "a@master"), state(world, "b@master")) == (CommitState.FINISHED, CommitState.READY)


def test_clearing_forgets_what_was_written(world) -> None:
    world.put("a@master:/x", b"1")
    world.start("a@master")
    world.put("a@master:/y", b"22")
    assert world.info("a@master").size_upper_bound == 3
    with world.db.write() as tx:
        commits.clear(tx, world.spec("a@master"))
    assert world.info("a@master").size_upper_bound == 1
    world.finish("a@master")
    assert world.files("a@master") == {"/x": b"1"}
    with pytest.raises(CommitFinished), world.db.write() as tx:
        commits.clear(tx, world.spec("a@master"))


def test_an_empty_commit_keeps_the_files(world) -> None:
    world.put("a@master:/x", b"1")
    with world.db.write() as tx:
        commits.create_empty(tx, world.a_branch("a@master"), Origin.USER, "version 2")
    assert world.files("a@master") == {"/x": b"1"}
    assert world.info("a@master").description == "version 2"


@pytest.mark.parametrize(
    ("suffix", "back"), [("", 0), ("^", 1), ("^^", 2), ("~2", 2), ("^3", 3), (".1", 3), (".4", 0), (".3", 1)]
)
def test_ancestry(world, suffix: str, back: int) -> None:
    made = [world.put("a@master:/x", bytes([n])) for n in range(4)]
    expected = made[3 - back]
    for text in ("master", made[3].id):
        assert world.info(f"a@{text}{suffix}").commit == expected
        spec = CommitSpec(world.a_repo("a"), branch=f"{text}{suffix}")
        with world.db.read() as tx:
            assert commits.resolve(tx, spec) == expected


@pytest.mark.parametrize("suffix", ["^2", ".3", ".0", "^100000"])
def test_no_such_ancestor(world, suffix: str) -> None:
    for n in range(2):
        world.put("a@master:/x", bytes([n]))
    with pytest.raises(NotFoundError, match=r"^commit default/a@master.* not found$"):
        world.info(f"a@master{suffix}")


def test_what_is_missing_is_named(world) -> None:
    id = world.put("a@master:/x").id
    for text, message in [
        ("none@master", "^repo default/none not found$"),
        ("a@none", '^branch "none" not found in repo default/a$'),
        (f"b@{id}", f"^commit default/b@{id} not found$"),
    ]:
        with pytest.raises(NotFoundError, match=message):
            world.info(text)
    with pytest.raises(InvalidError, match="must be given by a branch or an id"), world.db.read() as tx:
        commits.resolve(tx, CommitSpec(world.a_repo("a")))


def test_an_id_wins_over_a_branch(world) -> None:
    first = world.put("a@master:/x", b"1")
    world.put("a@master:/x", b"2")
    with world.db.read() as tx:
        assert commits.resolve(tx, CommitSpec(world.a_repo("a"), branch="master", id=first.id)) == first
        assert commits.resolve(tx, CommitSpec(world.a_repo("a"), id="master^")) == first


def test_an_id_known_through_provenance_names_the_commit_used(world) -> None:
    used = world.put("b@master:/x")
    world.repos("c")
    world.branch("c@master", "a@master", "b@master")
    id = world.start("a@master").id
    assert world.info(f"b@{id}").commit == used
    assert world.info(f"c@{id}").commit.id == id
    with pytest.raises(NotFoundError):
        world.repos("d")
        world.info(f"d@{id}")


def test_listing(world) -> None:
    made = [world.put("a@master:/x", bytes([n])).id for n in range(4)]

    def ids(**how) -> list[str]:
        return [info.commit.id for info in commit_lists.list_commits(world.store, world.a_repo("a"), **how)]

    assert ids() == made[::-1]
    assert ids(reverse=True) == made
    assert ids(number=2) == made[:1:-1]
    assert ids(to=world.spec("a@master^")) == made[2::-1]
    assert ids(to=world.spec("a@master"), from_=world.spec("a@master^2")) == made[:1:-1]
    assert ids(to=world.spec("a@master"), number=1) == made[:2:-1]
    assert ids(origin=Origin.AUTO) == []
    assert ids(started_before=world.info(f"a@{made[1]}").started) == made[:1]
    with pytest.raises(InvalidError, match="without naming"):
        ids(from_=world.spec("a@master"))
    with pytest.raises(InvalidError, match="reverse"):
        ids(to=world.spec("a@master"), reverse=True)


def test_commit_sets(world) -> None:
    world.branch("b@master", "a@master")
    first, second = world.put("a@master:/x"), world.put("a@master:/y")
    assert [str(info.commit.repo) for info in world.set(first.id)] == ["default/a", "default/b"]
    sets = list(commit_lists.list_commit_sets(world.store))
    assert [found.id for found in sets][:2] == [second.id, first.id]
    assert [len(found.commits) for found in sets] == [2, 2, 2]
    assert list(commit_lists.list_commit_sets(world.store, "default")) == sets
    assert [found.id for found in commit_lists.list_commit_sets(world.store, number=1)] == [second.id]
    assert list(commit_lists.list_commit_sets(world.store, "elsewhere")) == []
    with pytest.raises(NotFoundError, match="no commits found for commitset"):
        world.set("0" * 12 + "4" + "0" * 19)


def test_good_ancestors(world) -> None:
    good = world.put("a@master:/x")
    world.start("a@master")
    world.finish("a@master", error="bad")
    last = world.start("a@master")
    with world.db.read() as tx:
        assert commits.good_ancestor(tx, last) == good
        assert commits.good_ancestor(tx, good) is None
