"""Trees agree with a plain dictionary, and equal entries have equal roots."""

from __future__ import annotations

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hathi.storage.filesets import tree
from hathi.storage.filesets.difference import difference
from hathi.storage.filesets.node import EMPTY_ROOT, decode
from hathi.storage.filesets.nodes import WritableNodes

quick = settings(deadline=None, max_examples=60)
places = st.integers(0, 63)
entries = st.dictionaries(places, st.binary(max_size=2))
bounds = st.tuples(places, st.none() | places)


def named(pool, numbered):
    """Return a dictionary of numbered keys as one of real ones."""
    return {pool[number]: value for number, value in numbered.items()}


def within(pool, model, bound):
    """Return the entries of a range, and its two ends."""
    start, stop = pool[bound[0]], None if bound[1] is None else pool[bound[1]]
    return {key: value for key, value in model.items() if start <= key and (stop is None or key < stop)}, start, stop


def root_of(schema, store, model):
    return tree.build(schema, store, sorted(model.items()))


@quick
@given(entries, bounds)
def test_scan_and_get_see_what_was_built(new_store, words, pool, numbered, bound):
    store, model = new_store(), named(pool, numbered)
    root = root_of(words, store, model)
    wanted, start, stop = within(pool, model, bound)
    assert list(tree.scan(words, store, root)) == sorted(model.items())
    assert list(tree.scan(words, store, root, start, stop)) == sorted(wanted.items())
    assert list(tree.scan(words, store, root, start, stop, reverse=True)) == sorted(wanted.items(), reverse=True)
    assert all(tree.get(words, store, root, key) == model.get(key) for key in [*pool, b"", b"/", b"/zzz"])
    assert tree.first(words, store, root, start) == min((key for key in model if key >= start), default=None)


@quick
@given(entries, st.lists(st.tuples(places, st.none() | st.binary(max_size=2))), st.randoms(use_true_random=False))
def test_the_root_does_not_depend_on_history(new_store, words, pool, numbered, changes, rng):
    store, model = new_store(), named(pool, numbered)
    root = root_of(words, store, model)
    for number, value in changes:
        key = pool[number]
        if value is None:
            model.pop(key, None)
        else:
            model[key] = value
        root = tree.apply(words, store, root, [tree.Delete(key) if value is None else tree.Put(key, value)])
    assert root == root_of(words, new_store(), model)
    scattered = EMPTY_ROOT
    for key in rng.sample(sorted(model), len(model)):
        scattered = tree.apply(words, store, scattered, [tree.Put(key, model[key])])
    assert scattered == root


@quick
@given(entries, st.lists(bounds, max_size=3), st.sets(places), entries)
def test_edits_delete_what_was_there_and_then_put(new_store, words, pool, numbered, ranges, gone, put):
    store, model = new_store(), named(pool, numbered)
    root = root_of(words, store, model)
    edits = [tree.Delete(pool[number]) for number in gone] + [tree.Put(*item) for item in named(pool, put).items()]
    for bound in ranges:
        covered, start, stop = within(pool, model, bound)
        edits.append(tree.DeleteRange(start, stop))
        model = {key: value for key, value in model.items() if key not in covered}
    model = {key: value for key, value in model.items() if key not in {pool[number] for number in gone}}
    model |= named(pool, put)
    edits.sort(key=lambda edit: (edit.key, isinstance(edit, tree.Put)))
    assert tree.apply(words, store, root, edits) == root_of(words, new_store(), model)


@quick
@given(entries, bounds)
def test_a_range_has_the_root_of_a_tree_of_its_entries_alone(new_store, words, pool, numbered, bound):
    store, model = new_store(), named(pool, numbered)
    root = root_of(words, store, model)
    wanted, start, stop = within(pool, model, bound)
    stored = dict(store.blobs)
    derived = tree.range_root(words, store, root, start, stop)
    assert derived == root_of(words, new_store(), wanted)
    assert store.blobs == stored
    assert tree.cut(words, store, root, start, stop) == derived
    assert list(tree.scan(words, store, derived)) == sorted(wanted.items())


@quick
@given(entries, bounds)
def test_measures_are_sums_over_the_range(new_store, words, pool, numbered, bound):
    store, model = new_store(), named(pool, numbered)
    root = root_of(words, store, model)
    wanted, start, stop = within(pool, model, bound)
    assert tree.measure(words, store, root, start, stop) == (len(wanted), sum(map(len, wanted.values())))
    assert tree.measure(words, store, root) == (len(model), sum(map(len, model.values())))


@quick
@given(entries, entries, bounds)
def test_a_difference_leads_from_one_tree_to_the_other(new_store, words, pool, first, second, bound):
    store, old, new = new_store(), named(pool, first), named(pool, second)
    a, b = root_of(words, store, old), root_of(words, store, new)
    expected = [(key, old.get(key), new.get(key)) for key in sorted(old | new) if old.get(key) != new.get(key)]
    changes = list(difference(words, store, a, b))
    assert changes == expected
    edits = [tree.Delete(key) if value is None else tree.Put(key, value) for key, _, value in changes]
    assert tree.apply(words, store, a, edits) == b
    inside = within(pool, {key: change for key, *change in expected}, bound)
    assert [key for key, _, _ in difference(words, store, a, b, *inside[1:])] == list(inside[0])


@quick
@given(entries, bounds)
def test_select_finds_what_a_scan_with_the_same_question_finds(new_store, words, pool, numbered, bound):
    store, model = new_store(), named(pool, numbered)
    root = root_of(words, store, model)
    wanted, start, stop = within(pool, model, bound)
    found = tree.select(words, store, root, lambda sums: sums[1] > 0, start, stop)
    assert list(found) == [(key, value) for key, value in sorted(wanted.items()) if value]


def test_keys_out_of_order_are_refused(new_store, words):
    with pytest.raises(ValueError, match="does not come after"):
        tree.build(words, new_store(), [(b"/b", b""), (b"/a", b"")])
    with pytest.raises(ValueError, match="does not come after"):
        tree.build(words, new_store(), [(b"/a", b""), (b"/a", b"")])
    with pytest.raises(ValueError, match="comes after"):
        tree.apply(words, new_store(), EMPTY_ROOT, [tree.Put(b"/b", b""), tree.Delete(b"/a")])


def test_the_empty_tree_is_never_stored(new_store, words):
    store = new_store()
    root = tree.build(words, store, [(b"/a", b"")])
    written = len(store.written)
    assert tree.build(words, store, []) == EMPTY_ROOT
    assert tree.apply(words, store, root, [tree.DeleteRange(b"", None)]) == EMPTY_ROOT
    assert tree.range_root(words, store, root, b"/b") == EMPTY_ROOT
    assert len(store.written) == written


@pytest.fixture(scope="module")
def large(new_store, words):
    """A store with a tree of 20,000 entries in 20 directories, and its root."""
    store = new_store()
    items = ((b"/%02d/file-%05d" % (number // 1000, number), b"value") for number in range(20_000))
    return store, tree.build(words, store, items)


@pytest.fixture
def counted(large):
    """The nodes of the large tree, with lists of what is read and written."""
    read: list[bytes] = []
    written: list[bytes] = []
    return WritableNodes(large[0], on_read=read.append, on_write=written.append), read, written


@pytest.mark.parametrize(
    "edit", [tree.Put(b"/07/new", b"x"), tree.Put(b"/07/file-07123", b"x"), tree.Delete(b"/07/file-07123")]
)
def test_one_edit_of_many_entries_touches_one_path(words, large, counted, edit):
    nodes, read, written = counted
    tree.apply(words, nodes, large[1], [edit])
    assert len(read) <= 4
    assert len(written) <= 4


def test_deleting_a_large_range_reads_its_edges_only(words, large, counted):
    nodes, read, written = counted
    tree.apply(words, nodes, large[1], [tree.DeleteRange(b"/03/", b"/180")])
    assert len(read) <= 8
    assert len(written) <= 4


def test_deriving_and_measuring_a_directory_read_its_edges_only(words, large, counted):
    nodes, read, written = counted
    tree.range_root(words, nodes, large[1], b"/03/", b"/180")
    assert tree.measure(words, nodes, large[1], b"/03/", b"/180") == (16_000, 80_000)
    assert len(set(read)) <= 6
    assert not written


def test_a_difference_reads_only_what_is_not_shared(words, large, counted):
    nodes, read, _ = counted
    changed = tree.apply(words, nodes, large[1], [tree.Put(b"/07/new", b"x"), tree.Delete(b"/18/file-18001")])
    read.clear()
    assert [key for key, _, _ in difference(words, nodes, large[1], changed)] == [b"/07/new", b"/18/file-18001"]
    assert len(read) <= 12


def test_a_difference_skips_what_trees_of_different_height_share(words, counted, large):
    nodes, read, _ = counted
    higher = tree.apply(words, nodes, large[1], [tree.Put(b"/19de1bc", b"")])  # of height 3
    assert nodes.load(words, higher).level > nodes.load(words, large[1]).level
    read.clear()
    assert [key for key, _, _ in difference(words, nodes, large[1], higher)] == [b"/19de1bc"]
    assert len(read) <= 12


def test_select_reads_only_where_the_sums_say_so(words, large, counted):
    nodes, read, _ = counted
    root = tree.apply(words, nodes, large[1], [tree.Put(b"/07/file-07123", b"much longer than all others")])
    read.clear()
    longer = tree.select(words, nodes, root, lambda sums: sums[1] > 5 * sums[0])  # all other values have 5 bytes
    assert [key for key, _ in longer] == [b"/07/file-07123"]
    assert len(read) <= 4


def test_a_long_stream_is_written_while_it_comes(new_store, words):
    store, taken, ahead = new_store(), 0, []

    def items():
        nonlocal taken
        for number in range(30_000):
            taken = number
            yield b"/%06d" % number, b""

    def note(id):
        node = decode(words, store.blobs[id])
        if node.level == 0:
            ahead.append(taken - int(node.keys[-1][1:]))

    tree.build(words, WritableNodes(store, on_write=note), items())
    assert len(ahead) > 80
    assert max(ahead) <= 1


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(20))
def test_every_operation_agrees_with_a_dictionary_at_scale(new_store, words, seed):
    rng = random.Random(seed)
    store = new_store()
    names = sorted({b"/%d/%x" % (rng.randrange(9), rng.randrange(1 << 40)) for _ in range(40_000)})
    model: dict[bytes, bytes] = dict.fromkeys(rng.sample(names, rng.choice([0, 10, 3000, 30000])), b"0")
    root = root_of(words, store, model)
    for step in range(12):
        old, before = dict(model), root
        edits: list[tree.Edit] = []
        if rng.random() < 0.3:
            start, stop = sorted(rng.sample(names, 2))
            edits.append(tree.DeleteRange(start, stop))
            model = {key: value for key, value in model.items() if not start <= key < stop}
        for key in rng.sample(names, rng.choice([0, 1, 30, 4000])):
            edits.append(tree.Delete(key))
            model.pop(key, None)
        for key in rng.sample(names, rng.choice([0, 1, 30, 4000])):
            model[key] = b"%d" % step
            edits.append(tree.Put(key, model[key]))
        root = tree.apply(words, store, root, sorted(edits, key=lambda edit: (edit.key, isinstance(edit, tree.Put))))
        assert root == root_of(words, new_store(), model)
        changed = [(key, old.get(key), model.get(key)) for key in sorted(old | model) if old.get(key) != model.get(key)]
        assert list(difference(words, store, before, root)) == changed
        start, stop = sorted(rng.sample(names, 2))
        inside = {key: value for key, value in model.items() if start <= key < stop}
        assert tree.range_root(words, store, root, start, stop) == root_of(words, new_store(), inside)
        assert tree.measure(words, store, root, start, stop)[0] == len(inside)
