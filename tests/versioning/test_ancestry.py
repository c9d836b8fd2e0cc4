"""Pointers find the ancestors that a walk along parents finds, whatever forks, failures and open commits there are."""

from __future__ import annotations

from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hathi.metadata.tables.pfs import commits as table
from hathi.model.infos import Origin
from hathi.storage.filesets.node import EMPTY_ROOT
from hathi.versioning import ancestry, commit_lists, commits
from hathi.versioning.rows import CommitRow, commit_by_id, find_branch, insert_commit, jump_depth


@given(st.integers(1, 1 << 40))
def test_the_jump_of_a_commit_is_its_parent_or_the_jump_of_its_parents_jump(depth: int) -> None:
    parent = depth - 1
    near, far = jump_depth(parent), jump_depth(jump_depth(parent))
    assert jump_depth(depth) == (far if parent - near == near - far else parent)


def grow(world, seed: int, number: int) -> dict[int, CommitRow]:
    """Make commits with random parents, mostly in a line, some failed at once, some later, some left open."""
    random = Random(seed)
    origins = (Origin.USER, Origin.AUTO, Origin.FSCK)
    ids: list[int] = []
    with world.db.write() as tx:
        place = find_branch(tx, world.a_branch("a@master"))
        for _ in range(number):
            tx.new_commit_set()
            parent = None
            if ids:
                parent = commit_by_id(tx, ids[-1] if random.random() < 0.9 else random.choice(ids))
            origin = origins[0 if random.random() < 0.7 else random.randrange(3)]
            row = insert_commit(tx, place.repo_id, place.branch, parent, origin)
            ids.append(row.id)
            for id in (row.id, random.choice(ids)):
                late = commit_by_id(tx, id)
                assert late is not None
                above = None if late.parent_id is None else commit_by_id(tx, late.parent_id)
                if late.finished is not None or random.random() < 0.2:
                    continue
                if random.random() < 0.4:
                    commits.settle(tx, late, EMPTY_ROOT, 0, "failed")
                elif above is None or (above.finished is not None and good_line(tx, above)):
                    commits.settle(tx, late, EMPTY_ROOT, 0)
    with world.db.read() as tx:
        rows = [commit_by_id(tx, id) for id in ids]
    return {row.id: row for row in rows if row is not None}


def good_line(tx, row: CommitRow) -> bool:
    """Whether a commit and all its ancestors are finished."""
    while row.finished is not None:
        if row.parent_id is None:
            return True
        above = commit_by_id(tx, row.parent_id)
        assert above is not None
        row = above
    return False


def line(rows: dict[int, CommitRow], row: CommitRow) -> list[CommitRow]:
    found = [row]
    while found[-1].parent_id is not None:
        found.append(rows[found[-1].parent_id])
    return found


@pytest.mark.parametrize("seed", range(6))
def test_ancestors_are_those_that_a_walk_finds(world, seed: int) -> None:
    world.repos("a")
    rows = grow(world, seed, 120)
    random = Random(seed)
    with world.db.read() as tx:
        for row in rows.values():
            above = line(rows, row)
            assert row.depth == len(above) - 1
            back = random.randrange(len(above))
            found = ancestry.at_depth(tx, row, row.depth - back)
            assert found is not None and found.id == above[back].id
            assert ancestry.at_depth(tx, row, row.depth + 1) is None and ancestry.at_depth(tx, row, -1) is None
            good = next((one.id for one in above[1:] if one.finished is not None and not one.error), None)
            nearest = ancestry.good_ancestor(tx, row)
            assert (None if nearest is None else nearest.id) == good


@pytest.mark.parametrize("origin", [None, *Origin])
def test_pages_along_parents_are_the_line(world, origin: Origin | None) -> None:
    world.repos("a")
    rows = grow(world, 3, 60)
    with world.db.read() as tx:
        for row in rows.values():
            above = line(rows, row)
            stop = above[len(above) // 2].depth
            found: list[int] = []
            start: int | None = row.id
            while start is not None:
                page, start = ancestry.page(tx, start, stop, 7, origin)
                found += [one.id for one in page]
            assert found == [one.id for one in above if one.depth > stop and origin in (None, one.origin)]


@pytest.mark.parametrize("reverse", [False, True])
def test_a_repo_is_listed_whole_over_many_pages(world, reverse: bool) -> None:
    world.repos("a")
    rows = list(grow(world, 5, 230).values())
    wanted = [row.commit for row in (rows if reverse else reversed(rows))]
    listed = [info.commit for info in commit_lists.list_commits(world.store, world.a_repo("a"), reverse=reverse)]
    assert listed == wanted
    with world.db.read() as tx:
        last = commits.inspect(tx, world.spec(f"a@{rows[-1].commit.id}"))
    if not reverse:
        spec = world.spec(f"a@{last.commit.id}")
        along = [info.commit for info in commit_lists.list_commits(world.store, world.a_repo("a"), to=spec)]
        assert along == [row.commit for row in line({row.id: row for row in rows}, rows[-1])]


def test_pointers_stay_inside_the_repo(world) -> None:
    world.repos("a", "b")
    grow(world, 1, 40)
    with world.db.read() as tx:
        for row in tx.connection.execute(table.select()):
            for other in (row.parent_id, row.jump_id, row.turn_id, row.base_id):
                found = None if other is None else commit_by_id(tx, other)
                assert other is None or (found is not None and found.repo_id == row.repo_id)
