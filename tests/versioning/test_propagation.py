"""Propagation: whatever changes, each branch downstream gets one open commit of the same set, with the right inputs."""

from __future__ import annotations

from hathi.model.infos import Origin
from hathi.storage.filesets.node import EMPTY_ROOT
from hathi.versioning import branches, commits


def test_commits_downstream_exist_as_soon_as_the_first_one_starts(world) -> None:
    world.repos("a", "b", "c")
    world.branch("b@master", "a@master")
    world.branch("c@master", "b@master")
    before = world.head("c@master").head
    commit = world.start("a@master")
    members = world.set(commit.id)
    assert [str(info.commit.repo) for info in members] == ["default/a", "default/b", "default/c"]
    assert all(info.open for info in members)
    assert [info.origin for info in members] == [Origin.USER, Origin.AUTO, Origin.AUTO]
    assert members[1].direct_provenance == (commit,)
    assert members[2].direct_provenance == (members[1].commit,)
    assert members[2].parent == before


def test_inputs_that_did_not_change_are_named_by_their_heads(world) -> None:
    world.repos("a", "b", "c")
    other = world.put("b@master:/x")
    world.branch("c@master", "a@master", "b@master")
    commit = world.start("a@master")
    assert world.info("c@master").direct_provenance == (commit, other)


def test_a_diamond_gets_one_commit_at_its_end(world) -> None:
    world.repos("a", "l", "r", "z")
    world.branch("l@master", "a@master")
    world.branch("r@master", "a@master")
    world.branch("z@master", "l@master", "r@master")
    commit = world.start("a@master")
    assert sorted(str(info.commit.repo) for info in world.set(commit.id)) == [f"default/{name}" for name in "alrz"]
    assert {source.id for source in world.info("z@master").direct_provenance} == {commit.id}
    assert len(world.log("z")) == 2


def test_a_transaction_over_several_repos_makes_one_commit_downstream(world) -> None:
    world.repos("a", "b", "c")
    world.branch("c@master", "a@master", "b@master")
    with world.db.write() as tx:
        one = commits.start(tx, world.a_branch("a@master"))
        two = commits.start(tx, world.a_branch("b@master"))
    assert one.id == two.id
    assert world.info("c@master").direct_provenance == (one, two)
    assert len(world.log("c")) == 2


def test_a_moved_head_propagates_under_a_new_id(world) -> None:
    world.repos("a", "b")
    old = world.put("a@master:/x", b"1")
    world.put("a@master:/x", b"2")
    world.branch("b@master", "a@master")
    world.branch("a@master", head=f"a@{old.id}")
    info = world.info("b@master")
    assert info.direct_provenance == (old,) and info.commit.id != old.id
    assert world.info(f"a@{info.commit.id}").commit == old


def test_an_input_set_that_is_not_new_makes_no_commit(world) -> None:
    world.repos("a", "b")
    head = world.put("a@master:/x")
    world.branch("b@master", "a@master")
    world.branch("a@master", head=f"a@{head.id}")
    assert len(world.log("b")) == 1


def test_a_silent_edge_carries_no_change(world) -> None:
    world.repos("a", "b", "c")
    a, b = world.a_branch("a@master"), world.a_branch("b@master")
    with world.db.write() as tx:
        branches.create(tx, world.a_branch("c@master"), provenance=[a, b], silent=[b])
    made = world.put("b@master:/x")
    assert len(world.log("c")) == 1
    commit = world.put("a@master:/x")
    assert world.info("c@master").direct_provenance == (commit, made)


def test_a_branch_made_from_a_spec_only_writes_its_own_commits(world) -> None:
    world.repos("s", "s.spec", "t")
    world.branch("s@master", "s.spec@master")
    assert world.info("s@master").finished
    world.branch("t@master", "s@master")
    with world.db.write() as tx:
        commits.create_empty(tx, world.a_repo("s.spec").branch("master"), Origin.USER)
    assert len(world.log("s")) == 1 and len(world.log("t")) == 1


def test_a_new_pipeline_and_a_change_upstream_share_one_transaction(world) -> None:
    world.repos("a", "b", "b.spec", "b.meta", "c")
    world.branch("c@master", "b@master")
    with world.db.write() as tx:
        spec = commits.create_empty(tx, world.a_repo("b.spec").branch("master"), Origin.USER)
        sources = [world.a_repo("b.spec").branch("master"), world.a_branch("a@master")]
        branches.create(tx, world.a_branch("b@master"), provenance=sources)
        branches.create(tx, world.a_repo("b.meta").branch("master"), provenance=sources)
    members = {str(info.commit.repo): info for info in world.set(spec.id)}
    assert set(members) == {"default/a", "default/b.spec", "default/b", "default/b.meta", "default/c"}
    assert members["default/b"].direct_provenance[0] == spec
    assert members["default/b"].open and members["default/b.meta"].open and members["default/c"].open


def test_what_was_made_and_finished_is_told_before_commit(world) -> None:
    world.repos("a", "b")
    world.branch("b@master", "a@master")
    made, done, order = [], [], []
    world.store.steps.on_new_commits(2, lambda tx, new: order.append("second"))
    world.store.steps.on_new_commits(1, lambda tx, new: (order.append("first"), made.extend(new)))
    world.store.steps.on_finished(1, lambda tx, commits: done.extend(commits))
    commit = world.put("a@master:/x")
    assert [(str(new.commit.repo), new.branch, new.finished) for new in made] == [
        ("default/a", "master", True),
        ("default/b", "master", False),
    ]
    assert order == ["first", "second"]
    assert done == [commit]


def test_a_step_may_finish_what_was_made(world) -> None:
    world.repos("a", "b", "c")
    world.branch("b@master", "a@master")
    world.branch("c@master", "b@master")
    done = []

    def close(tx, new) -> None:
        for one in new:
            if not one.finished and str(one.commit.repo) == "default/b":
                commits.finish_output(tx, one.commit, EMPTY_ROOT, 0)

    world.store.steps.on_new_commits(1, close)
    world.store.steps.on_finished(1, lambda tx, commits: done.extend(commits))
    commit = world.start("a@master")
    assert world.info("b@master").finished and world.info("c@master").open
    assert done == [world.a_repo("b").commit(commit.id)]


def test_topics_name_what_changed(world) -> None:
    world.repos("a", "b")
    world.branch("b@master", "a@master")
    with world.db.feed.subscribe("") as subscription:
        id = world.start("a@master").id
        assert subscription.wait(0) == {
            f"commit/default/a/{id}",
            f"commit/default/b/{id}",
            "branch/default/a/master",
            "branch/default/b/master",
        }
        world.finish("a@master")
        assert subscription.wait(0) == {
            f"commit/default/a/{id}",
            f"closing/default/a/{id}",
            f"commit/default/b/{id}",
        }
