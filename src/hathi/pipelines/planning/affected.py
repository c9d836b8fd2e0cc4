"""Which datums a change of the input repos may concern.

`affected` names every combination that differs between the old and the new state, each once, and looks only at what
changed: a leaf starts from the difference of its two trees, a cross multiplies one child's changes with all that its
other children have, a union passes on what its children say. To differ is: there or not, or of other content that
counts.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from hathi.model import paths
from hathi.model.globs import compile_glob
from hathi.model.inputs import Cron, Cross, Input, Leaf, Pfs, Union
from hathi.pipelines.planning.combos import Refs, enumerate_combos, find, leaf_ref, not_served, refs_of
from hathi.pipelines.planning.trees import Trees
from hathi.storage.filesets.files import diff_files


def affected(node: Input, old: Trees, new: Trees) -> Iterator[Refs]:
    """Yield the name of every combination that differs between the two states."""
    match node:
        case Pfs() | Cron():
            by_content = isinstance(node, Cron) or not node.reference
            for path in _changed_paths(node, old, new):
                refs: Refs = (leaf_ref(node, path),)
                if by_content or changed(node, old, new, refs):
                    yield refs
        case Cross():
            for position in range(len(node.children)):
                yield from _changed_through(node.children, position, old, new)
        case Union():
            for position, child in enumerate(node.children):
                earlier = node.children[:position]
                for names in affected(child, old, new):
                    known = any(changed(other, old, new, names) for other in earlier)
                    # Of siblings that both have it the first one counts, which may have stayed the same.
                    if not known and changed(node, old, new, names):
                        yield names
        case _:
            raise not_served(node)


def changed(node: Input, old: Trees, new: Trees, refs: Refs) -> bool:
    """Return whether the combination of that name differs between the two states."""
    before, after = find(node, old, refs), find(node, new, refs)
    if before is None or after is None:
        return before is not after
    return [part.hash for part in before] != [part.hash for part in after]


def _changed_paths(leaf: Leaf, old: Trees, new: Trees) -> Iterator[str]:
    """Yield the matches of a leaf's glob whose content differs: changed files, and directories that hold some
    (with a slash behind).

    Changed files come in the order of their paths, in which all below one directory are neighbours. So a directory
    need only be looked at when the file before was outside it.
    """
    if old.root(leaf) == new.root(leaf):
        return
    glob = compile_glob(leaf.glob)
    scope = paths.parent(glob.literal_prefix)
    previous: str | None = None
    for path, _, _ in diff_files(old.store, old.root(leaf), new.root(leaf), scope):
        for place in glob.matching_ancestors(path):
            if place == path:
                yield place
            elif previous is None or not previous.startswith(paths.below(place)):
                yield paths.below(place)
        previous = path


def _changed_through(nodes: Sequence[Input], position: int, old: Trees, new: Trees) -> Iterator[Refs]:
    """Yield what differs in a cross because child `position` does, and no child before it."""
    for middle in affected(nodes[position], old, new):
        for left in _choices(nodes[:position], old, new, with_changed=False):
            for right in _choices(nodes[position + 1 :], old, new, with_changed=True):
                yield left + middle + right


def _choices(nodes: Sequence[Input], old: Trees, new: Trees, *, with_changed: bool) -> Iterator[Refs]:
    """Yield every choice of one name from each node, of either state; without the changed ones when so asked."""
    if not nodes:
        yield ()
        return
    for head in _names(nodes[0], old, new, with_changed=with_changed):
        for tail in _choices(nodes[1:], old, new, with_changed=with_changed):
            yield head + tail


def _names(node: Input, old: Trees, new: Trees, *, with_changed: bool) -> Iterator[Refs]:
    for combo in enumerate_combos(node, new):
        refs = refs_of(combo)
        if with_changed or not changed(node, old, new, refs):
            yield refs
    if with_changed:
        for refs in affected(node, old, new):
            if find(node, new, refs) is None:
                yield refs
