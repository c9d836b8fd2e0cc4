"""Shares of workers: never more than there may be, one for each first, and even beyond that."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from hathi.runtimes.keeping.shares import FEWEST, Demand, even, most_workers, shares

WANTED = st.integers(0, 12) | st.just(1_000_000_000)
DEMANDS = st.lists(st.tuples(WANTED, st.booleans()), max_size=20).map(
    lambda found: [Demand(str(number), wanted, busy) for number, (wanted, busy) in enumerate(found)]
)
BOUNDS = st.integers(0, 40)


@given(DEMANDS, BOUNDS)
def test_no_more_workers_than_there_may_be_and_none_that_nobody_wants(demands: list[Demand], bound: int) -> None:
    found = shares(demands, bound)
    assert sum(found.values()) <= bound
    assert all(0 < found.get(each.key, 1) <= max(each.wanted, 1) for each in demands)
    assert all(each.wanted > 0 for each in demands if each.key in found)


@given(DEMANDS, BOUNDS)
def test_none_is_kept_back_while_somebody_wants_one(demands: list[Demand], bound: int) -> None:
    assert sum(shares(demands, bound).values()) == min(bound, sum(each.wanted for each in demands))


@given(DEMANDS, BOUNDS)
def test_each_has_one_before_any_has_two_and_those_with_work_come_first(demands: list[Demand], bound: int) -> None:
    found = shares(demands, bound)
    without = [each for each in demands if each.wanted and each.key not in found]
    if without:
        assert set(found.values()) <= {1}
    if any(each.busy for each in without):
        assert not [each for each in demands if not each.busy and each.key in found]


@given(DEMANDS, BOUNDS)
def test_those_with_work_are_served_evenly_and_in_the_order_given(demands: list[Demand], bound: int) -> None:
    found = shares(demands, bound)
    busy = [(each, found.get(each.key, 0)) for each in demands if each.busy and each.wanted]
    for place, (one, had) in enumerate(busy):
        for other, more in busy[place + 1 :]:
            assert had >= min(one.wanted, more), "who comes later has no more, unless the first has all it wants"
            assert more >= min(other.wanted, had - 1)


@given(st.lists(WANTED, max_size=20), BOUNDS)
def test_an_even_share_gives_all_there_is(wanted: list[int], total: int) -> None:
    assert sum(even(wanted, total)) == min(total, sum(wanted))


def test_a_machine_runs_some_workers_and_not_a_thousand_for_each_processor() -> None:
    assert FEWEST <= most_workers() < 100_000
