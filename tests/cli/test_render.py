"""Sizes, times and tables."""

from __future__ import annotations

import pytest
from google.protobuf.timestamp_pb2 import Timestamp

from hathi.cli.options import parse_duration
from hathi.cli.render import sizes, tables, times
from hathi.cli.render.pfs import progress_bar


@pytest.mark.parametrize(
    ("count", "text"),
    [(0, "0B"), (1023, "1023B"), (1024, "1KiB"), (1536, "1.5KiB"), (58644, "57.27KiB"), (5 << 30, "5GiB")],
)
def test_sizes_are_binary_with_four_digits(count, text) -> None:
    assert sizes.size(count) == text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0.5, "Less than a second"), (1, "1 second"), (59, "59 seconds"), (60, "About a minute"), (180, "3 minutes"),
        (3600, "About an hour"), (7200, "2 hours"), (86400 * 3, "3 days"), (86400 * 15, "2 weeks"),
        (86400 * 90, "3 months"), (86400 * 800, "2 years"),
    ],
)  # fmt: skip
def test_lengths_of_time_are_rough(seconds, text) -> None:
    assert times.rough(seconds) == text
    assert times.ago(Timestamp(seconds=1000), now=1000 + seconds) == f"{text} ago"


@pytest.mark.parametrize(
    ("length", "text"), [(0, "0s"), (0.25, "250ms"), (1.5, "1.5s"), (61, "1m1s"), (7325, "2h2m5s")]
)
def test_exact_lengths_are_written_as_go_does_and_read_back(length, text) -> None:
    assert times.exact(length) == text
    assert parse_duration(text) == length


@pytest.mark.parametrize("text", ["", "5", "1x", "h", "1h 2m", "-"])
def test_what_is_no_duration_is_refused(text) -> None:
    with pytest.raises(ValueError, match="invalid duration"):
        parse_duration(text)


def test_colours_take_no_room_in_a_column() -> None:
    red = "\x1b[31mbad\x1b[0m"
    assert tables.aligned([(red, "x"), ("good", "y")]) == [f"{red}  x", "good y"]


def test_a_progress_bar_has_eight_cells_and_shows_failures() -> None:
    assert progress_bar(4, 0, 8, color=False) == "▇▇▇▇----"
    assert progress_bar(1, 1, 2, color=False) == "▇▇▇▇xxxx"
    assert progress_bar(0, 0, 0, color=False) == "--------"
    assert progress_bar(0, 1, 1, color=True) == "\x1b[31m▇▇▇▇▇▇▇▇\x1b[0m"
