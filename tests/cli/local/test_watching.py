"""A save is noticed when it is complete, and what programs write is not taken for one."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from hathi.cli.local.watching import Moment, changes, files_below, moment, wait_for_change

A, B = Path("/a"), Path("/b")


def test_what_was_added_changed_or_removed_is_a_change() -> None:
    before = {A: (1, 1), B: (1, 1)}
    assert changes(before, before) == []
    assert changes(before, {A: (2, 1), B: (1, 1)}) == [A]
    assert changes(before, {A: (1, 1)}) == [B]
    assert changes({}, before) == [A, B]


def test_a_change_is_told_when_two_looks_agree_on_it() -> None:
    looks: Iterator[Moment] = iter([{A: (1, 1)}, {A: (2, 0)}, {A: (3, 9)}, {A: (3, 9)}])
    pauses: list[float] = []
    assert wait_for_change(lambda: next(looks), {A: (1, 1)}, pauses.append) == [A]
    assert len(pauses) == 3
    assert next(looks, None) is None


def test_folders_of_programs_are_not_watched(tmp_path: Path) -> None:
    for place in ("main.py", "sub/more.py", ".git/HEAD", "__pycache__/main.pyc", "node_modules/x.js"):
        (tmp_path / place).parent.mkdir(exist_ok=True, parents=True)
        (tmp_path / place).touch()
    assert {file.name for file in files_below(tmp_path)} == {"main.py", "more.py"}


def test_files_that_are_gone_are_left_out(tmp_path: Path) -> None:
    assert moment([tmp_path / "gone"]) == {}
