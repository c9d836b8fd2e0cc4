"""The source folder: every file but the excluded ones, under names that a repo can hold."""

from __future__ import annotations

import os

import pytest

from hathi.images.errors import SourceError
from hathi.images.source import PIECE, list_source


def write(folder, **files):
    for name, text in files.items():
        path = folder / name.replace("__", "/")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


def listed(folder):
    return [file.path for file in list_source(folder)]


def test_files_are_listed_by_path_and_folders_are_not(tmp_path):
    write(tmp_path, b="", a__z="", a__b__c="")
    (tmp_path / "empty").mkdir()
    assert listed(tmp_path) == ["/a/b/c", "/a/z", "/b"]


def test_what_pachignore_matches_is_left_out_and_the_list_itself_only_if_it_says_so(tmp_path):
    write(tmp_path, main="", a__b__c="")
    (tmp_path / ".pachignore").write_text("a/*\n")
    assert listed(tmp_path) == ["/.pachignore", "/main"]
    (tmp_path / ".pachignore").write_text("a/*\n.pachignore\n")
    assert listed(tmp_path) == ["/main"]


def test_a_link_to_a_file_is_that_file_and_what_is_no_file_is_passed_over(tmp_path):
    write(tmp_path, main="x")
    (tmp_path / "link").symlink_to("main")
    (tmp_path / "broken").symlink_to("nowhere")
    os.mkfifo(tmp_path / "pipe")
    assert listed(tmp_path) == ["/link", "/main"]


def test_names_that_no_repo_can_hold_are_told_before_anything_is_sent(tmp_path):
    write(tmp_path, **{"a(1)": "", "b*": "", "good": ""})
    with pytest.raises(SourceError, match=r"a\(1\).*b\*.*\.pachignore"):
        list_source(tmp_path)
    (tmp_path / ".pachignore").write_text("a\\(1\\)\nb\\*\n")
    assert listed(tmp_path) == ["/.pachignore", "/good"]


def test_a_file_is_read_in_pieces(tmp_path):
    (tmp_path / "big").write_bytes(b"x" * (PIECE + 1))
    (file,) = list_source(tmp_path)
    assert [len(piece) for piece in file.pieces()] == [PIECE, 1]
    (tmp_path / "big").unlink()
    with pytest.raises(SourceError, match="cannot read"):
        next(file.pieces())
