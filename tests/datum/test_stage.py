from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from hathi.datum.stage import Stage


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
