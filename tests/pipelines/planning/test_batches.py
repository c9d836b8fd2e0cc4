"""Sets are of the size that the spec asks for, else such that workers share a job out evenly."""

from __future__ import annotations

import heapq
import random
from dataclasses import replace

import pytest

from hathi.model.pps import DatumInput
from hathi.model.references import Repo
from hathi.pipelines.planning import batches
from hathi.pipelines.planning.batches import BatchRule
from hathi.pipelines.planning.steps import Drop, Run

FILE = DatumInput("data", Repo("default", "data").commit("0" * 32), "master", "/a", size=10)


def runs(number):
    return (Run(f"{place:064x}", "", (FILE,), replaces=False) for place in range(number))


def sizes(number, rule):
    return [len(batch) for batch in batches.batches(runs(number), rule)]


def shares(sizes, paces, late=0.0):
    """How many datums each worker gets when each takes a set as soon as it is done with the last. paces: seconds for a
    datum. late: seconds after the first that the last worker comes."""
    done = [0] * len(paces)
    free = [(late * place / len(paces), place) for place in range(len(paces))]
    for size in sizes:
        time, worker = heapq.heappop(free)
        done[worker] += size
        heapq.heappush(free, (time + size * paces[worker], worker))
    return done


@pytest.mark.parametrize("seed", range(50))
def test_equal_datums_are_shared_evenly_by_workers_that_are_not_quite_equal(seed):
    """400 datums, four workers, of which each is up to a tenth faster or slower and up to a tenth of the time late."""
    paces = [random.Random(seed + place).uniform(0.9, 1.1) for place in range(4)]
    assert all(80 <= share <= 120 for share in shares(sizes(400, BatchRule(workers=4)), paces, late=10))


def test_a_worker_that_is_three_times_slower_does_not_hold_up_the_others_long():
    paces = [1.0, 1.0, 1.0, 3.0]
    done = shares(sizes(1200, BatchRule(workers=4)), paces)
    ends = [share * pace for share, pace in zip(done, paces, strict=True)]
    assert max(ends) <= 1.1 * min(ends)


def test_the_fewer_are_left_the_smaller_the_set_down_to_crumbs():
    found = sizes(400, BatchRule(workers=4))
    assert found == sorted(found, reverse=True) or found[:-1] == sorted(found[:-1], reverse=True)
    assert (found[0], min(found[:-1])) == (33, 3)
    assert sum(found) == 400
    assert len(found) < 60


def test_a_plan_that_is_longer_than_the_window_is_cut_evenly_at_its_end_too():
    found = sizes(3 * batches.WINDOW, BatchRule(workers=4))
    assert sum(found) == 3 * batches.WINDOW
    assert found[0] == batches.WINDOW // 12
    assert found[-2] == batches.WINDOW // (4 * batches.CRUMBS)


@pytest.mark.parametrize("number", [0, 1, 2, 5])
def test_few_datums_are_a_set_each(number):
    assert sizes(number, BatchRule(workers=4)) == [1] * number


def test_no_set_is_larger_than_what_one_worker_may_lose():
    assert max(sizes(batches.WINDOW, BatchRule(workers=1))) == batches.LARGEST


@pytest.mark.parametrize(
    ("rule", "expected"),
    [
        (BatchRule(number=4), [4, 4, 2]),
        (BatchRule(size_bytes=25), [3, 3, 3, 1]),
        (BatchRule(number=2, size_bytes=25), [2, 2, 2, 2, 2]),
        (BatchRule(workers=1, per_worker=2), [5, 5]),
        (BatchRule(workers=3, per_worker=1), [3, 3, 3, 1]),
    ],
)
def test_the_spec_has_the_last_word(rule, expected):
    assert sizes(10, rule) == expected


def test_what_vanished_stands_in_sets_of_its_own():
    steps = [*runs(2), Drop("f" * 64), *runs(1)]
    kinds = [{type(step) for step in batch} for batch in batches.batches(iter(steps), BatchRule(workers=1))]
    assert kinds == [{Run}, {Run}, {Run}, {Drop}]


def test_a_set_is_bounded_in_bytes_as_well():
    """5,000 datums of ten inputs with paths of 300 characters were one set of 21 MB, which no message can carry."""
    inputs = tuple(replace(FILE, path=f"/{place:0299}") for place in range(10))
    steps = (Run(f"{place:064x}", "", inputs) for place in range(5_000))
    found = list(batches.batches(steps, BatchRule(number=5_000)))
    assert sum(map(len, found)) == 5_000
    assert max(sum(map(batches.packed_bytes, batch)) for batch in found) <= batches.SET_BYTES
    assert len(found) < 10


def test_a_datum_with_very_many_inputs_costs_a_set_no_more_than_their_root():
    inputs = tuple(replace(FILE, path=f"/{place:0299}") for place in range(100_000))
    assert batches.packed_bytes(Run("0" * 64, "", inputs)) < 1_000


def test_no_more_is_looked_at_ahead_than_memory_should_hold():
    inputs = tuple(replace(FILE, path=f"/{place:03999}") for place in range(1_000))
    seen = []
    steps = (seen.append(place) or Run(f"{place:064x}", "", inputs) for place in range(1_000))
    next(batches.batches(steps, BatchRule(number=1)))
    assert len(seen) * 1_000 * 4_000 <= 2 * batches.WINDOW_BYTES
