"""Reading files agrees with a naive model: all paths, and the directories they imply with a slash behind, sorted."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hathi.model.globs import GlobError, compile_glob
from hathi.storage.filesets import tree
from hathi.storage.filesets.entry import FILES
from hathi.storage.filesets.files import FileTree, diff_files
from hathi.storage.filesets.node import EMPTY_ROOT

quick = settings(deadline=None, max_examples=60)
chosen = st.sets(st.integers(0, 47), max_size=25)
PATTERNS = [
    "/",
    "/*",
    "/a*",
    "*",
    "**",
    "/a/**",
    "/*/*",
    "/{a,b}/*",
    "/[ab]",
    "/a",
    "/a/",
    "/?",
    "/a-*",
    "/*/b/*",
    "/+(a/)*",
]


def free_of_collisions(paths: list[str], numbers: set[int]) -> list[str]:
    """Return the chosen paths without those that are also a directory of another."""
    wanted = [paths[number] for number in sorted(numbers)]
    return [path for path in wanted if not any(other.startswith(path + "/") for other in wanted)]


def shown(files: list[str]) -> list[str]:
    """Return all places in order: files, and directories with a slash behind; none of an empty tree."""
    directories = {path[: end + 1] for path in files for end in range(len(path)) if path[end] == "/"}
    return sorted({*files, *directories})


def page(places: list[str], after: str, number: int, reverse: bool) -> list[str]:
    places = [place for place in places if not after or (place < after if reverse else place > after)]
    return (places[::-1] if reverse else places)[: number or None]


def place_of(stat) -> str:
    return stat.path.rstrip("/") + "/" if stat.is_dir else stat.path


@pytest.fixture(scope="session")
def tree_of(new_store, content_of):
    def make(files: list[str], store=None) -> FileTree:
        store = new_store() if store is None else store
        items = [(path.encode(), content_of(path.encode()).encode()) for path in sorted(files)]
        return FileTree(store, tree.build(FILES, store, items))

    return make


@quick
@given(chosen)
def test_stat_knows_every_place_and_no_other(tree_of, paths, numbers):
    files = free_of_collisions(paths, numbers)
    read, known = tree_of(files), shown(files)
    for path in [*paths, "/", "", "/a/", "a", "/nowhere", "/b/long name"]:
        stat = read.stat(path)
        clean = "/" + path.strip("/")
        if clean in files:
            assert stat is not None
            assert (stat.path, stat.is_dir, stat.size) == (clean, False, len(clean))
        elif clean.rstrip("/") + "/" in known:
            assert stat is not None
            assert (stat.path, stat.is_dir, stat.content) == (clean, True, None)
        else:
            assert stat is None


@quick
@given(chosen)
def test_a_directory_sums_up_and_its_hash_is_the_root_of_its_files(tree_of, paths, numbers):
    files = free_of_collisions(paths, numbers)
    read = tree_of(files)
    for stat in read.walk():
        below = [path for path in files if path.startswith(place_of(stat))]
        if stat.is_dir:
            assert stat.size == sum(map(len, below))
            assert stat.hash == tree_of(below).root
        else:
            assert stat.content is not None
            assert stat.hash == stat.content.hash
    assert (read.count, read.size) == (len(files), sum(map(len, files)))


@quick
@given(chosen, st.data())
def test_list_and_walk_show_a_page_in_either_direction(tree_of, paths, numbers, data):
    files = free_of_collisions(paths, numbers)
    read, known = tree_of(files), shown(files)
    top = data.draw(st.sampled_from([*known, "/"]))
    after = data.draw(st.sampled_from(["", *known, "/a/vanished", "/zz"]))
    number = data.draw(st.integers(0, 4))
    reverse = data.draw(st.booleans())
    below = [place for place in known if place.startswith(top)] if top.endswith("/") else [top]
    level = (
        [place for place in below if place != top and "/" not in place[len(top) : -1]] if top.endswith("/") else [top]
    )
    assert list(map(place_of, read.walk(top, after, number, reverse))) == page(below, after, number, reverse)
    assert list(map(place_of, read.list(top, after, number, reverse))) == page(level, after, number, reverse)


@quick
@given(chosen, st.booleans(), st.integers(1, 3))
def test_pages_continue_after_the_path_shown_last(tree_of, paths, numbers, reverse, number):
    files = free_of_collisions(paths, numbers)
    read = tree_of(files)
    seen: list[str] = []
    after = ""
    while found := list(read.walk("/", after, number, reverse)):
        seen += map(place_of, found)
        after = found[-1].path  # without the slash that a directory's place has
    assert seen == page(shown(files), "", 0, reverse)


@quick
@given(chosen, st.sampled_from(PATTERNS))
def test_glob_finds_what_matching_every_place_finds(tree_of, paths, numbers, pattern):
    files = free_of_collisions(paths, numbers)
    glob = compile_glob(pattern)
    wanted = [place for place in shown(files) if glob.match(place.rstrip("/") or "/")]
    assert list(map(place_of, tree_of(files).glob(pattern))) == wanted


@quick
@given(chosen, chosen)
def test_a_difference_names_files_of_one_place_with_both_contents(new_store, tree_of, paths, first, second):
    store = new_store()
    old, new = free_of_collisions(paths, first), free_of_collisions(paths, second)
    a, b = tree_of(old, store), tree_of(new, store)
    for path in ("/", "/a", "/a-b", "/c.txt"):
        changed = sorted(name for name in {*old} ^ {*new} if name == path or name.startswith(path.rstrip("/") + "/"))
        found = list(diff_files(store, a.root, b.root, path))
        assert [name for name, _, _ in found] == changed
        assert all((before is not None) == (name in old) for name, before, _ in found)


def test_files_leaves_directories_out(tree_of):
    read = tree_of(["/a-b", "/a/b", "/a/c/d", "/b"])
    assert [stat.path for stat in read.files()] == ["/a-b", "/a/b", "/a/c/d", "/b"]
    assert [stat.path for stat in read.files("/a")] == ["/a/b", "/a/c/d"]
    assert [stat.path for stat in read.files("/b")] == ["/b"]
    assert list(read.files("/c")) == []


def test_of_a_missing_path_nothing_is_shown(tree_of):
    read = tree_of(["/a/b"])
    assert list(read.list("/b")) == list(read.walk("/b")) == list(read.glob("/b")) == []


def test_an_empty_tree_has_no_directory_not_even_the_root(new_store):
    read = FileTree(new_store(), EMPTY_ROOT)
    assert read.stat("/") is None
    assert list(read.walk()) == list(read.list()) == list(read.glob("/")) == []
    top = read.top()
    assert (top.path, top.is_dir, top.size, top.hash) == ("/", True, 0, EMPTY_ROOT)


def test_a_wrong_glob_is_refused_before_anything_is_read(tree_of):
    with pytest.raises(GlobError):
        tree_of(["/a"]).glob("/[")


def test_listing_leaps_over_what_is_in_directories(new_store, tree_of):
    store = new_store()
    many = [f"/{directory:02d}/file-{number:05d}" for directory in range(20) for number in range(1000)]
    root = tree_of(many, store).root
    store.read.clear()
    assert [stat.path for stat in FileTree(store, root).list("/", number=3)] == ["/00", "/01", "/02"]
    assert len(store.read) <= 8
    store.read.clear()
    assert [stat.path for stat in FileTree(store, root).glob("/1*")] == [f"/{number}" for number in range(10, 20)]
    assert len(store.read) <= 25
