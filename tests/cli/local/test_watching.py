"""A save is noticed when it is complete, and what programs write is not taken for one."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from hathi.cli.local.watching import (
    SECONDS,
    SETTLING_SECONDS,
    SHARE,
    Moment,
    changes,
    files_below,
    moment,
    saved_by_hand,
    wait_for_change,
)

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
    assert wait_for_change(lambda: next(looks), {A: (1, 1)}, pauses.append, lambda: 0.0) == [A]
    assert pauses == [SECONDS, SETTLING_SECONDS, SETTLING_SECONDS]
    assert next(looks, None) is None


def test_folders_that_take_long_to_look_at_are_looked_at_less_often() -> None:
    looks: Iterator[Moment] = iter([{A: (1, 1)}, {}, {}])
    times = iter([0.0, 2.0, 2.0, 2.0, 2.0])
    pauses: list[float] = []
    wait_for_change(lambda: next(looks), {A: (1, 1)}, pauses.append, lambda: next(times))
    assert pauses == [2.0 * SHARE, SETTLING_SECONDS]


def test_a_file_that_takes_the_place_of_another_is_a_change(tmp_path: Path) -> None:
    file, new = tmp_path / "main.py", tmp_path / "new"
    file.write_text("1")
    os.utime(file, ns=(1, 1))
    before = moment([file])
    new.write_text("2")
    os.utime(new, ns=(1, 1))
    new.rename(file)
    assert changes(before, moment([file])) == [file]
    before = moment([file])
    file.chmod(0o755)
    assert changes(before, moment([file])) == [file]


def test_folders_have_no_state_of_their_own(tmp_path: Path) -> None:
    assert moment([tmp_path]) == {}


def test_what_editors_and_programs_leave_is_no_save(tmp_path: Path) -> None:
    names = ["main.py", ".env", "a/b.tmpl", ".main.py.swp", "main.py~", ".#main.py", "#main.py#", "4913", "x.tmp"]
    names += [".git/index", "a/__pycache__/b.pyc", "out/result"]
    files = [tmp_path / name for name in names]
    saved = saved_by_hand(files, tmp_path, tmp_path / "out")
    assert [str(file.relative_to(tmp_path)) for file in saved] == ["main.py", ".env", "a/b.tmpl"]


def test_folders_of_programs_are_not_watched(tmp_path: Path) -> None:
    for place in ("main.py", "sub/more.py", ".git/HEAD", "__pycache__/main.pyc", "node_modules/x.js"):
        (tmp_path / place).parent.mkdir(exist_ok=True, parents=True)
        (tmp_path / place).touch()
    assert {file.name for file in files_below(tmp_path)} == {"main.py", "more.py"}


def test_files_that_are_gone_are_left_out(tmp_path: Path) -> None:
    assert moment([tmp_path / "gone"]) == {}
