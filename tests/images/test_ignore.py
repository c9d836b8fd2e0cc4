"""`.pachignore`: globs without a separator, one a line, and nothing else."""

from __future__ import annotations

import pytest

from hathi.images.errors import SourceError
from hathi.images.ignore import read_ignore


@pytest.mark.parametrize(
    ("line", "path", "excluded"),
    [
        ("*.pyc", "a.pyc", True),
        ("*.pyc", "deep/down/a.pyc", True),
        ("data/*", "data/x/y", True),
        ("data/*", "other/data/x", False),
        ("data", "data/x", False),
        ("?.txt", "/.txt", True),
        ("{a,b}/*", "b/c", True),
        ("!(keep)", "keep", False),
        ("# comment", "# comment", True),
        ("", "a", False),
        ("/a", "a", False),
        (r"\*", "*", True),
    ],
)
def test_a_glob_without_separator_is_matched_against_the_relative_path(line, path, excluded):
    assert read_ignore(line)(path) is excluded


def test_each_line_excludes_for_itself():
    excluded = read_ignore("*.pyc\n\n*.tmp\n")
    assert [excluded(path) for path in ("a.pyc", "b/c.tmp", "main.py")] == [True, True, False]


def test_a_broken_line_is_told():
    with pytest.raises(SourceError, match=r'^\.pachignore:2:1: invalid glob "\[a/": \[ is not closed'):
        read_ignore("*.pyc\n[a/")
