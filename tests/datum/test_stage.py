from __future__ import annotations

import errno
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from hathi.datum.stage import DiskFull, Stage, StageError


def tree(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_inputs_stand_at_their_full_paths_beside_out_and_env(staged: Any) -> None:
    assert tree(staged.folder) == {".env": b"A=b\n", "data/a": b"contents of a", "data/dir/b": b"contents of b"}
    assert list((staged.folder / "out").iterdir()) == []
    assert (staged.files, staged.bytes) == (2, 26)


def test_an_input_without_files_is_an_empty_folder(tmp_path: Path, memory: Any, source: Callable[..., Any]) -> None:
    staged = Stage(tmp_path).prepare([source("nothing")], b"", memory)
    assert list((staged.folder / "nothing").iterdir()) == []


def test_several_inputs_of_one_name_share_a_folder(tmp_path: Path, memory: Any, source: Callable[..., Any]) -> None:
    memory.put("/1", b"one")
    memory.put("/2", b"two")
    staged = Stage(tmp_path).prepare([source("g", "/1"), source("g", "/2")], b"", memory)
    assert tree(staged.folder / "g") == {"1": b"one", "2": b"two"}


def test_empty_files_have_the_names_only(tmp_path: Path, memory: Any, source: Callable[..., Any]) -> None:
    memory.put("/a", b"long")
    staged = Stage(tmp_path).prepare([source(empty_files=True)], b"", memory)
    assert tree(staged.folder / "data") == {"a": b""}


def test_every_preparation_has_a_folder_of_its_own(tmp_path: Path, memory: Any) -> None:
    stage = Stage(tmp_path)
    assert stage.prepare([], b"", memory).folder != stage.prepare([], b"", memory).folder


def test_a_failure_leaves_nothing_behind(tmp_path: Path, memory: Any, source: Callable[..., Any]) -> None:
    content = memory.put("/a", b"lost")
    del memory.bytes[content]
    with pytest.raises(KeyError):
        Stage(tmp_path).prepare([source()], b"", memory)
    assert list(tmp_path.iterdir()) == []


def test_a_path_is_as_long_as_the_datum_sees_it_wherever_the_worker_keeps_it(
    tmp_path: Path, memory: Any, source: Callable[..., Any]
) -> None:
    """The worker's own folder counted too, so that a path of 4,020 characters was retried for ever."""
    path = "/" + "/".join(["d" * 200] * 20)
    memory.put(path, b"deep")
    staged = Stage(tmp_path).prepare([source("in", path)], b"", memory)
    assert staged.files == 1
    staged.remove()
    assert list(tmp_path.iterdir()) == []


def test_very_many_folders_below_each_other_are_made_and_removed(
    tmp_path: Path, memory: Any, source: Callable[..., Any]
) -> None:
    path = "/d" * 1500
    memory.put(path, b"deep")
    Stage(tmp_path).prepare([source("in", path)], b"", memory).remove()
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("path", "reason"),
    [
        ("/" + "/".join(["d" * 200] * 21), r"path is too long: /pfs/data/ddd.* has 4,23\d bytes, and a path may have"),
        ("/" + "n" * 256, r"name is too long: nnn.* has 256 bytes, and a name may have 255"),
        ("/" + "é" * 128, r"has 256 bytes"),
    ],
)
def test_what_no_file_system_holds_is_the_datums_fault(
    path: str, reason: str, tmp_path: Path, memory: Any, source: Callable[..., Any]
) -> None:
    memory.put(path, b"x")
    with pytest.raises(StageError, match=reason) as caught:
        Stage(tmp_path).prepare([source("data", path)], b"", memory)
    assert len(str(caught.value)) < 400
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("order", [("/a", "/a/b"), ("/a/b", "/a")])
def test_a_file_where_another_input_has_a_folder_is_the_datums_fault(
    order: tuple[str, str], tmp_path: Path, memory: Any, source: Callable[..., Any]
) -> None:
    for path in order:
        memory.put(path, b"x")
    with pytest.raises(StageError, match=r"/pfs/g/a.* one input's file is in the place of another's folder"):
        Stage(tmp_path).prepare([source("g", path) for path in order], b"", memory)


def test_inputs_larger_than_the_whole_disk_are_the_datums_fault_and_sizes_are_told(
    tmp_path: Path, memory: Any, source: Callable[..., Any]
) -> None:
    huge = replace(source("data", "/a"), size=1 << 60)
    with pytest.raises(StageError, match=r"1,152,921,504,606,846,976 bytes, and the worker's whole disk holds \d"):
        Stage(tmp_path).prepare([huge], b"", memory)
    Stage(tmp_path).prepare([replace(huge, empty_files=True)], b"", memory)


def test_a_full_disk_is_the_workers_trouble_and_sizes_are_told(
    tmp_path: Path, memory: Any, source: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(handle: int, data: bytes) -> int:
        raise OSError(errno.ENOSPC, "No space left on device")

    memory.put("/a", b"data")
    monkeypatch.setattr("os.write", full)
    with pytest.raises(DiskFull, match=r"the datum's inputs are 4 bytes, and [\d,]+ bytes are free"):
        Stage(tmp_path).prepare([replace(source("data", "/a"), size=4)], b"", memory)
    assert list(tmp_path.iterdir()) == []
