"""A repo knows each file by one clean path."""

import posixpath

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hathi.model import paths
from hathi.model.errors import InvalidError

ROUGH = st.text(alphabet="ab./", max_size=12)


@pytest.mark.parametrize(
    ("given_path", "expected"),
    [("", "/"), ("abc", "/abc"), ("/a/", "/a"), ("/a/./b/../c", "/a/c"), ("../../a", "/a"), ("//a//b", "/a/b")],
)
def test_clean(given_path: str, expected: str) -> None:
    assert paths.clean(given_path) == expected


@given(ROUGH)
def test_clean_agrees_with_the_standard_library_and_settles_at_once(path: str) -> None:
    cleaned = paths.clean(path)
    assert cleaned == "/" + posixpath.normpath("/" + path).lstrip("/")
    assert paths.clean(cleaned) == cleaned


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ("", "path () invalid: only printable ASCII characters allowed"),
        ("/ä", "path (/ä) invalid: only printable ASCII characters allowed"),
        ("/a\n", "path (/a\\n) invalid: only printable ASCII characters allowed"),
        ("/a(1).txt", "path (/a(1).txt) invalid: globbing character (() not allowed in path"),
        ("/x@y", "path (/x@y) invalid: globbing character (@) not allowed in path"),
        ("/a/../b", "path (/a/../b) invalid: relative file paths are not allowed"),
        ("/a\udcff", "path (/a\\xff) invalid: only printable ASCII characters allowed"),
        ("./b", "path (./b) invalid: relative file paths are not allowed"),
    ],
)
def test_what_cannot_be_written_is_refused_with_the_path_and_the_originals_text(path: str, text: str) -> None:
    with pytest.raises(InvalidError) as refusal:
        paths.validate(path)
    assert str(refusal.value) == text


def test_what_no_file_system_can_hold_is_refused_with_the_limit() -> None:
    longest = "/" + "a" * 255
    assert paths.validate(longest + "/b") == longest + "/b"
    with pytest.raises(InvalidError, match="a name in it has 256 bytes, and file systems hold at most 255"):
        paths.validate("/b" + longest + "a")
    deep = "/" + "a/" * 1_949 + "b"
    assert paths.validate(deep + "/" * 500) == deep
    with pytest.raises(InvalidError, match="it has 3,901 bytes, and at most 3,900 fit") as refusal:
        paths.validate(deep + "b")
    assert len(str(refusal.value)) < 600


def test_a_valid_path_comes_back_clean() -> None:
    assert paths.validate("a b/c~d$e/") == "/a b/c~d$e"


def test_ancestors_come_from_the_root_down() -> None:
    assert paths.ancestors("/a/b/c") == ["/", "/a", "/a/b"]
    assert paths.ancestors("/a") == ["/"]
    assert paths.ancestors("/") == []


@given(ROUGH.map(paths.clean))
def test_parent_and_base_put_together_are_the_path(path: str) -> None:
    assert paths.join(paths.parent(path), paths.base(path)) == path
    assert (paths.ancestors(path) or ["/"])[-1] == paths.parent(path)


def test_a_directory_contains_itself_and_what_is_below_but_no_namesake() -> None:
    assert paths.contains("/a", "/a")
    assert paths.contains("/a", "/a/b")
    assert paths.contains("/", "/a")
    assert not paths.contains("/a", "/a-b")
