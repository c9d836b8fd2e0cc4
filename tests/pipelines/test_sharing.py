from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from hathi.pipelines.sharing import LONGEST, PATIENCE, Part, leaves, patience

START = datetime(2024, 1, 1, tzinfo=UTC)


@pytest.mark.parametrize(
    ("mine", "other", "at_work", "left", "expected"),
    [
        (100, 80, True, 20, True),
        (100, 60, True, 40, False),  # the other one would take too long
        (90, 90, True, 20, False),  # who had less than its share takes more
        (100, 80, False, 20, False),  # a worker that holds nothing may be dead
        (0, 0, True, 10, False),
        (100, 100, True, 0, True),
    ],
)
def test_the_rest_is_left_to_who_had_less_and_will_soon_be_done(mine, other, at_work, left, expected):
    parts = [Part("me", mine, False), Part("other", other, at_work)]
    assert leaves("me", parts, left, 2) == expected


def test_who_had_its_share_too_is_not_waited_for():
    parts = [Part("me", 100, False), Part("other", 101, True), Part("third", 60, False)]
    assert not leaves("me", parts, 20, 3)


def test_it_is_left_for_a_part_of_the_time_so_far_and_a_moment_at_most():
    assert patience(START, START + timedelta(seconds=4)) == timedelta(seconds=4) * PATIENCE
    assert patience(START, START + timedelta(hours=1)) == LONGEST
    assert patience(None, START) == timedelta(0)
