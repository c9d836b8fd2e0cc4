"""What a collection does to each pack follows from how much of it is reached."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from hathi.model.packs import PackRecord
from hathi.storage.chunks.packs import EMPTY_PACK_BYTES
from hathi.storage.garbage.marks import PackUse
from hathi.storage.garbage.plan import make_plan


def pack(name: str, body: int, chunks: int = 10) -> PackRecord:
    return PackRecord(name, body + EMPTY_PACK_BYTES, chunks)


def test_packs_that_nothing_reaches_go_and_those_mostly_dead_are_rewritten() -> None:
    packs = [pack("dead", 1000), pack("mostly", 1000), pack("half", 1000), pack("full", 1000)]
    use = {"mostly": PackUse(3, 499), "half": PackUse(5, 500), "full": PackUse(10, 1000)}
    plan = make_plan(packs, use)
    assert [one.name for one in plan.drop] == ["dead"]
    assert [(one.name, one.used, one.chunks) for one in plan.rewrite] == [("mostly", 499, 3)]
    assert plan.packs == 4 and plan.used == 1999
    assert plan.frees == 1000 + 501 + 2 * EMPTY_PACK_BYTES
    assert plan.unused == plan.stored - 1999


def test_a_pack_in_full_use_is_never_rewritten_however_small() -> None:
    assert make_plan([pack("tiny", 53, 1)], {"tiny": PackUse(1, 53)}).rewrite == ()


@given(st.lists(st.tuples(st.integers(1, 1000), st.floats(0, 1)), max_size=20))
def test_a_plan_never_frees_what_is_reached_and_a_second_one_finds_nothing(sizes) -> None:
    packs = [pack(f"{n:02}", size) for n, (size, _) in enumerate(sizes)]
    use = {f"{n:02}": PackUse(1, used) for n, (size, share) in enumerate(sizes) if (used := int(size * share))}
    plan = make_plan(packs, use)
    assert 0 <= plan.frees <= plan.unused
    left = {one.name for one in packs} - {one.name for one in (*plan.drop, *plan.rewrite)}
    rewritten = [pack("new", sum(one.used for one in plan.rewrite))] if plan.rewrite else []
    use["new"] = PackUse(1, sum(one.used for one in plan.rewrite))
    after = make_plan([one for one in packs if one.name in left] + rewritten, use)
    assert not after.drop and not after.rewrite
