from __future__ import annotations

import os
from pathlib import Path

import pytest

from hathi.datum.litter import remove_tree


def test_a_tree_without_permissions_is_removed(tmp_path: Path) -> None:
    (tmp_path / "t" / "a" / "b").mkdir(parents=True)
    (tmp_path / "t" / "a" / "b" / "f").touch()
    (tmp_path / "t" / "a" / "b").chmod(0)
    (tmp_path / "t" / "a").chmod(0)
    remove_tree(tmp_path / "t")
    assert not (tmp_path / "t").exists()


@pytest.mark.parametrize("name", ["deep", "n" * 250], ids=["short", "long"])
def test_a_tree_deeper_than_recursion_and_paths_go_is_removed(tmp_path: Path, name: str) -> None:
    (tmp_path / "t").mkdir()
    handle = os.open(tmp_path / "t", os.O_RDONLY)
    for level in range(1200):
        os.mkdir(name, dir_fd=handle)
        os.mkdir("beside", dir_fd=handle)
        os.close(os.open(f"f{level}", os.O_CREAT, dir_fd=handle))
        below = os.open(name, os.O_RDONLY, dir_fd=handle)
        os.close(handle)
        handle = below
    os.close(handle)
    remove_tree(tmp_path / "t")
    assert not (tmp_path / "t").exists()


def test_links_are_removed_and_not_followed(tmp_path: Path) -> None:
    (tmp_path / "kept").mkdir()
    (tmp_path / "kept" / "f").touch()
    (tmp_path / "t").mkdir()
    (tmp_path / "t" / "link").symlink_to(tmp_path / "kept")
    remove_tree(tmp_path / "t")
    assert (tmp_path / "kept" / "f").exists()


def test_what_is_not_there_is_removed_already(tmp_path: Path) -> None:
    remove_tree(tmp_path / "nothing")
