from __future__ import annotations

import os
import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from hathi.datum.collect import OutputError, keep_files, survey


@pytest.fixture
def out(staged: Any) -> Path:
    path: Path = staged.folder / "out"
    return path


@pytest.fixture
def collected(staged: Any, memory: Any, view: Callable[..., Any]) -> Callable[[], dict[str, bytes]]:
    """What is taken from /pfs/out, in the order taken."""

    def collect() -> dict[str, bytes]:
        files = keep_files(survey(staged, view(staged), memory.keep), memory.keep)
        return {path: memory.bytes[content] for path, content in files}

    return collect


def test_files_are_taken_in_path_order_and_empty_folders_ignored(out: Path, collected: Any) -> None:
    for name in ("b", "a-b", "a/c", "a/b/d"):
        (out / name).parent.mkdir(exist_ok=True, parents=True)
        (out / name).write_text(name)
    (out / "empty" / "folder").mkdir(parents=True)
    assert list(collected().items()) == [("/a-b", b"a-b"), ("/a/b/d", b"a/b/d"), ("/a/c", b"a/c"), ("/b", b"b")]


def test_a_link_to_an_unchanged_input_names_its_content(out: Path, collected: Any, memory: Any) -> None:
    (out / "absolute").symlink_to("/pfs/data/a")
    (out / "relative").symlink_to("../data/dir/b")
    assert collected() == {"/absolute": b"contents of a", "/relative": b"contents of b"}
    assert memory.kept == 0, "nothing was read or stored"


def test_a_link_to_a_changed_input_gives_what_it_holds_now(staged: Any, out: Path, collected: Any) -> None:
    (staged.folder / "data" / "a").write_bytes(b"CONTENTS OF A")
    (out / "link").symlink_to("/pfs/data/a")
    assert collected() == {"/link": b"CONTENTS OF A"}


def test_a_link_to_a_folder_gives_all_files_below(out: Path, collected: Any) -> None:
    (out / "all").symlink_to("/pfs/data")
    assert collected() == {"/all/a": b"contents of a", "/all/dir/b": b"contents of b"}


def test_a_link_elsewhere_is_read_while_the_sandbox_shows_it(
    out: Path, staged: Any, memory: Any, view: Any, tmp_path: Path
) -> None:
    (tmp_path / "elsewhere").write_text("soon gone")
    (out / "link").symlink_to(tmp_path / "elsewhere")
    made = survey(staged, view(staged), memory.keep)
    (tmp_path / "elsewhere").unlink()
    assert [memory.bytes[content] for _, content in keep_files(made, memory.keep)] == [b"soon gone"]


@pytest.mark.parametrize("target", ["nowhere", "/pfs/out/link"])
def test_a_link_that_leads_nowhere_fails_the_datum(out: Path, collected: Any, target: str) -> None:
    (out / "link").symlink_to(target)
    with pytest.raises(OutputError, match="/pfs/out/link is a link that cannot be followed"):
        collected()


def test_a_link_to_a_folder_that_it_is_in_fails_the_datum(out: Path, collected: Any) -> None:
    (out / "dir").mkdir()
    (out / "dir" / "up").symlink_to("/pfs/out")
    with pytest.raises(OutputError, match="links to a folder that it is in"):
        collected()


@pytest.mark.parametrize("name", ["a(1).txt", "x@y", "line\nbreak", "ümlaut", "a*", "\udcff"])
def test_a_name_that_no_repo_can_hold_fails_the_datum(out: Path, collected: Any, name: str) -> None:
    (out / name).touch()
    with pytest.raises(OutputError) as caught:
        collected()
    text = str(caught.value)
    assert "its name cannot be represented in PFS: " in text
    assert text.isprintable()
    assert text.isascii()


def test_pipes_sockets_and_the_like_fail_the_datum_by_name(out: Path, collected: Any) -> None:
    os.mkfifo(out / "pipe")
    with pytest.raises(OutputError, match="/pfs/out/pipe is a named pipe"):
        collected()
    (out / "pipe").unlink()
    with socket.socket(socket.AF_UNIX) as door:
        door.bind(str(out / "s"))
        with pytest.raises(OutputError, match="/pfs/out/s is a socket"):
            collected()


def test_permissions_taken_away_do_not_matter(out: Path, collected: Any) -> None:
    (out / "dir").mkdir()
    (out / "dir" / "f").write_text("x")
    (out / "dir" / "f").chmod(0)
    (out / "dir").chmod(0)
    assert collected() == {"/dir/f": b"x"}


def test_out_replaced_by_a_link_is_not_followed(staged: Any, out: Path, collected: Any, tmp_path: Path) -> None:
    """User code cannot rename `out` itself away and put a link in its place."""
    (tmp_path / "secret").mkdir()
    (tmp_path / "secret" / "key").write_text("s")
    out.rmdir()
    out.symlink_to(tmp_path / "secret")
    with pytest.raises(OutputError):
        collected()


def test_folders_nested_beyond_reason_fail_the_datum(staged: Any, out: Path, collected: Any) -> None:
    handle = os.open(out, os.O_RDONLY)
    for _ in range(2000):
        os.mkdir("d", dir_fd=handle)
        below = os.open("d", os.O_RDONLY, dir_fd=handle)
        os.close(handle)
        handle = below
    os.close(handle)
    with pytest.raises(OutputError) as failure:
        collected()
    assert len(str(failure.value)) < 300
