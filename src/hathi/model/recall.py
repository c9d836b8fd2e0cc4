"""Which input of a pipeline each file of a datum came through.

A datum is told of as a list of files, without the names of the inputs; yet user code sees each file under its input's
name. The rule: a file can have come through every input that reads its repo and whose glob matches its path; where that
leaves a choice, the datum's id decides, since it is a hash over the names as well.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import islice, product

from hathi.model import paths
from hathi.model.errors import InvalidError
from hathi.model.globs import compile_glob
from hathi.model.identity import datum_id
from hathi.model.inputs import Cron, Input, Leaf, leaves
from hathi.model.pps import DatumInput
from hathi.model.references import Commit

CHOICES = 10_000
"""So many ways to name the files of one datum are tried."""


@dataclass(frozen=True, slots=True)
class Seen:
    """A file or directory of a datum as the server describes it.

    path: of a directory with a slash behind. size: bytes below it.
    """

    commit: Commit
    path: str
    hash: bytes = b""
    size: int = 0


def recall(root: Input | None, files: Sequence[Seen], id: str) -> tuple[DatumInput, ...]:
    """Return the inputs of the datum `id` of a pipeline with input `root`, or raise InvalidError."""
    choices = [[_through(leaf, file) for leaf in leaves(root) if _fits(leaf, file)] for file in files]
    for chosen in islice(product(*choices), CHOICES):
        if datum_id(chosen) == id:
            return chosen
    raise InvalidError(f"the files of datum {id} do not come from the inputs of its pipeline")


def _fits(leaf: Leaf, file: Seen) -> bool:
    return leaf.repo == file.commit.repo and compile_glob(leaf.glob).match(paths.clean(file.path))


def _through(leaf: Leaf, file: Seen) -> DatumInput:
    if isinstance(leaf, Cron):
        return DatumInput(leaf.name, file.commit, leaf.branch, file.path, file.hash, file.size)
    glob = compile_glob(leaf.glob)
    return DatumInput(
        name=leaf.name,
        commit=file.commit,
        branch=leaf.branch,
        path=file.path,
        hash=file.hash,
        size=file.size,
        join_on=glob.expand(leaf.join_on, paths.clean(file.path)) if leaf.join_on else "",
        group_by=glob.expand(leaf.group_by, paths.clean(file.path)) if leaf.group_by else "",
        lazy=leaf.lazy,
        empty_files=leaf.empty_files,
    )
