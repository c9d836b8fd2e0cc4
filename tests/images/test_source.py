"""The source folder: every file but the excluded ones, under names that a repo can hold."""

from __future__ import annotations

import os

import pytest

from hathi.images.errors import SourceError
from hathi.images.source import PIECE, check_source, list_source


def write(folder, **files):
    for name, text in files.items():
        path = folder / name.replace("__", "/")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


def listed(folder):
    return [file.path for file in list_source(folder).files]


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


def test_a_link_to_a_file_is_that_file_and_what_is_no_file_is_named_apart(tmp_path):
    write(tmp_path, main="x", a__b="")
    (tmp_path / "link").symlink_to("main")
    (tmp_path / "broken").symlink_to("nowhere")
    (tmp_path / "a" / "folder").symlink_to(tmp_path)
    os.mkfifo(tmp_path / "pipe")
    source = list_source(tmp_path)
    assert [file.path for file in source.files] == ["/a/b", "/link", "/main"]
    assert source.odd == ["/a/folder", "/broken", "/pipe"]
    (tmp_path / ".pachignore").write_text("pipe\na/folder/*\n")
    assert list_source(tmp_path).odd == ["/broken"]


@pytest.mark.parametrize(
    ("files", "needed", "wrong"),
    [
        ([], "", "{folder} holds no files"),
        ([".pachignore"], "", "{folder} holds no files (that .pachignore leaves)"),
        (["lib__main.py"], "main.py", "{folder} holds no main.py at its root"),
        (["lib__x.go", ".pachignore"], "*.go", "{folder} holds no *.go at its root (that .pachignore leaves)"),
        (["main.py"], "main.py", ""),
        (["x.go"], "*.go", ""),
        (["anything"], "", ""),
    ],
)
def test_a_source_folder_without_what_is_needed_is_refused(tmp_path, files, needed, wrong):
    write(tmp_path, **dict.fromkeys(files, ""))
    source = list_source(tmp_path)
    if not wrong:
        check_source(source, needed)
        return
    with pytest.raises(SourceError) as refused:
        check_source(source, needed)
    assert str(refused.value) == f"the source folder {wrong.format(folder=tmp_path)}"


def test_names_that_no_repo_can_hold_are_told_before_anything_is_sent(tmp_path):
    write(tmp_path, **{"a(1)": "", "b*": "", "good": ""})
    with pytest.raises(SourceError, match=r"a\(1\).*b\*.*\.pachignore"):
        list_source(tmp_path)
    (tmp_path / ".pachignore").write_text("a\\(1\\)\nb\\*\n")
    assert listed(tmp_path) == ["/.pachignore", "/good"]


def test_a_file_is_read_in_pieces(tmp_path):
    (tmp_path / "big").write_bytes(b"x" * (PIECE + 1))
    (file,) = list_source(tmp_path).files
    assert [len(piece) for piece in file.pieces()] == [PIECE, 1]
    (tmp_path / "big").unlink()
    with pytest.raises(SourceError, match="cannot read"):
        next(file.pieces())


def test_a_name_that_is_no_text_is_told_in_one_line_that_can_be_shown(tmp_path):
    for name in (b"new\nline", b"\xff.py"):
        (tmp_path / os.fsdecode(name)).write_text("")
    with pytest.raises(SourceError) as refused:
        list_source(tmp_path)
    assert "/new\\nline" in str(refused.value)
    assert str(refused.value).isprintable()


def test_a_list_of_what_is_left_out_that_is_no_text_is_told(tmp_path):
    write(tmp_path, main="")
    (tmp_path / ".pachignore").write_bytes(b"\xff\n")
    with pytest.raises(SourceError, match=r"\.pachignore is not text in UTF-8: .* at byte 0"):
        list_source(tmp_path)


def test_a_line_that_names_a_folder_as_git_would_have_it_is_in_vain(tmp_path):
    write(tmp_path, main="", data__a="", more__b__c="", whole__a="")
    (tmp_path / "hollow").mkdir()
    (tmp_path / ".pachignore").write_text("data\nmore/\n/more/b\nhollow\nwhole\nwhole/*\nnone\n\n/\n")
    assert list_source(tmp_path).vain == ["data", "more/", "/more/b"]
