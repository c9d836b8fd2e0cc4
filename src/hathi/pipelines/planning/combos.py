"""The datums of an input, as combinations of matched paths.

Each combination has a name, the `Refs` that its datum id is made of, and with each input node one can do two things:
enumerate its combinations, and find one by its name. The second is what makes increments cheap: whoever suspects that
a datum changed asks for it by name, and need not enumerate the others.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import lru_cache
from typing import NamedTuple

from hathi.model import paths
from hathi.model.builds import may_be_empty
from hathi.model.errors import UnimplementedError
from hathi.model.globs import compile_glob
from hathi.model.inputs import Cron, Cross, Input, Leaf, Pfs, Union
from hathi.model.pps import DatumInput
from hathi.pipelines.planning.trees import Trees
from hathi.storage.filesets.files import FileStat

Combo = tuple[DatumInput, ...]
"""The inputs of one datum, in order."""


class Ref(NamedTuple):
    """What a datum's id takes of one input: neither project nor commit nor content.

    path: of a directory with a slash behind.
    """

    name: str
    repo: str
    branch: str
    path: str


Refs = tuple[Ref, ...]
"""The name of a combination. Two have the same name exactly when their datums have the same id."""


def refs_of(combo: Combo) -> Refs:
    """Return a combination's name."""
    return tuple(Ref(part.name, part.commit.repo.name, part.branch, part.path) for part in combo)


def leaf_ref(leaf: Leaf, path: str) -> Ref:
    """Return the name of what a leaf matches at `path`."""
    return Ref(leaf.name, leaf.source.repo.name, leaf.source.name, path)


def enumerate_combos(node: Input, trees: Trees) -> Iterator[Combo]:
    """Yield every combination of an input once, in a fixed order."""
    match node:
        case Pfs() | Cron():
            for stat in _matches(node, trees):
                yield (_matched(node, trees, stat),)
        case Cross():
            yield from _product(node.children, trees)
        case Union():
            for position, child in enumerate(node.children):
                earlier = node.children[:position]
                for combo in enumerate_combos(child, trees):
                    if not any(find(other, trees, refs_of(combo)) for other in earlier):
                        yield combo
        case _:
            raise not_served(node)


def find(node: Input, trees: Trees, refs: Refs) -> Combo | None:
    """Return the combination of that name, or None when the input has none."""
    match node:
        case Pfs() | Cron():
            return _find_path(node, trees, refs)
        case Cross():
            return _find_parts(node.children, trees, refs)
        case Union():
            return next((combo for child in node.children if (combo := find(child, trees, refs))), None)
        case _:
            raise not_served(node)


def not_served(node: Input) -> UnimplementedError:
    """Return the error for a kind of input that nobody plans yet."""
    return UnimplementedError(f"{type(node).__name__.lower()} inputs are not served yet")


def _matches(leaf: Leaf, trees: Trees) -> Iterator[FileStat]:
    if leaf.glob == paths.ROOT and may_be_empty(leaf.source):
        return iter((trees.of(leaf).top(),))
    return trees.glob(leaf)


def _matched(leaf: Leaf, trees: Trees, stat: FileStat) -> DatumInput:
    commit = trees.commit(leaf)
    path = paths.below(stat.path) if stat.is_dir else stat.path  # datum ids of the original tell the two apart
    if isinstance(leaf, Cron):
        return DatumInput(leaf.name, commit, leaf.branch, path, stat.hash, stat.size)
    glob = compile_glob(leaf.glob)
    return DatumInput(
        name=leaf.name,
        commit=commit,
        branch=leaf.branch,
        path=path,
        hash=b"" if leaf.reference else stat.hash,
        size=stat.size,
        join_on=glob.expand(leaf.join_on, stat.path) if leaf.join_on else "",
        group_by=glob.expand(leaf.group_by, stat.path) if leaf.group_by else "",
        lazy=leaf.lazy,
        empty_files=leaf.empty_files,
    )


def _product(nodes: Sequence[Input], trees: Trees) -> Iterator[Combo]:
    if not nodes:
        yield ()
        return
    for head in enumerate_combos(nodes[0], trees):
        for tail in _product(nodes[1:], trees):
            yield head + tail


def _find_path(leaf: Leaf, trees: Trees, refs: Refs) -> Combo | None:
    if len(refs) != 1 or refs[0] != leaf_ref(leaf, refs[0].path):
        return None
    path = paths.clean(refs[0].path)
    if not compile_glob(leaf.glob).match(path):
        return None
    tree = trees.of(leaf)
    stat = tree.top() if path == paths.ROOT and may_be_empty(leaf.source) else tree.stat(path)
    if stat is None or stat.is_dir != paths.names_directory(refs[0].path):
        return None
    return (_matched(leaf, trees, stat),)


def _find_parts(nodes: Sequence[Input], trees: Trees, refs: Refs) -> Combo | None:
    """Find a combination of a cross: its name is cut wherever the children's widths allow."""
    if not nodes:
        return None if refs else ()
    for width in _widths(nodes[0]):
        head = find(nodes[0], trees, refs[:width]) if width <= len(refs) else None
        if head is not None and (tail := _find_parts(nodes[1:], trees, refs[width:])) is not None:
            return head + tail
    return None


@lru_cache(maxsize=1024)
def _widths(node: Input) -> tuple[int, ...]:
    """Return how many inputs a combination of this node may have."""
    match node:
        case Pfs() | Cron():
            return (1,)
        case Cross():
            sums = {0}
            for child in node.children:
                sums = {total + width for total in sums for width in _widths(child)}
            return tuple(sorted(sums))
        case Union():
            return tuple(sorted({width for child in node.children for width in _widths(child)}))
        case _:
            raise not_served(node)
