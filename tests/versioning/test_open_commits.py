"""Runs of an open commit: few, whatever the number of writes, and each change rewritten rarely."""

from __future__ import annotations

import math

from hypothesis import given
from hypothesis import strategies as st

from hathi.versioning import open_commits
from hathi.versioning.open_commits import FAN, merge_plan
from hathi.versioning.rows import find_commit


def levels_after(count: int) -> tuple[list[int], int]:
    """Return the levels of the runs after `count` writes, and how many runs were read to merge them."""
    levels: list[int] = []
    read = 0
    for _ in range(count):
        absorbed, level = merge_plan(levels)
        read += absorbed
        del levels[len(levels) - absorbed :]
        levels.append(level)
    return levels, read


@given(st.integers(min_value=1, max_value=3000))
def test_runs_stay_few_and_merging_cheap(count: int) -> None:
    levels, read = levels_after(count)
    assert levels == sorted(levels, reverse=True)
    assert sum(FAN**level for level in levels) == count
    assert len(levels) <= (FAN - 1) * (math.log(count, FAN) + 1)
    assert read <= count * FAN / (FAN - 1)


def test_ten_thousand_writes_leave_a_few_dozen_runs() -> None:
    levels, read = levels_after(10_000)
    assert len(levels) <= 30
    assert read <= 12_000


def test_a_commit_with_many_writes_holds_them_in_order(world, objects) -> None:
    world.repos("a")
    commit = world.start("a@master")
    for n in range(FAN * FAN + 3):
        world.put("a@master:/log", b"%d," % n, append=True)
        world.put(f"a@master:/{n % 10}", b"%d" % n)
    with world.db.read() as tx:
        row = open_commits.load(tx, find_commit(tx, commit)[1].id)
    assert [run.level for run in row] == levels_after(2 * (FAN * FAN + 3))[0]
    assert len(list(objects.list("packs/"))) <= 2 * (FAN * FAN + 3)
    expected = {"/log": b"".join(b"%d," % n for n in range(67))}
    expected |= {f"/{n % 10}": b"%d" % n for n in range(67)}
    assert world.files("a@master") == expected
    world.finish("a@master")
    assert world.files("a@master") == expected
    assert world.info("a@master").size == sum(map(len, expected.values()))


def test_another_process_may_write_to_the_same_commit(world, another, monkeypatch) -> None:
    """A merge that somebody else's write has overtaken is dropped; the write itself stays."""
    world.repos("a")
    world.start("a@master")
    for n in range(FAN - 1):
        world.put(f"a@master:/{n}")
    plain, overtaking = open_commits.compose, [lambda: another.put("a@master:/theirs")]

    def compose(upload, runs):
        if overtaking:
            overtaking.pop()()
        return plain(upload, runs)

    monkeypatch.setattr(open_commits, "compose", compose)
    world.put("a@master:/mine")
    assert set(world.files("a@master")) == {"/mine", "/theirs", *(f"/{n}" for n in range(FAN - 1))}
