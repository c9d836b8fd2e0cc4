"""The input of a pipeline as an algebra: leaves that select files, and ways to combine them into datums.

A spec's `input` is a nest of dictionaries in which exactly one key says what a node is. Planning, provenance and
validation all walk it, so it is turned into values of these six types once, and each walk is a `match` over them.
Reading here trusts the spec; `model.spec` has checked it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from hathi.model.infos import Trigger
from hathi.model.references import USER, Branch, Repo


@dataclass(frozen=True, slots=True)
class Pfs:
    """Files of a branch that a glob matches; each match is a datum.

    name: the directory under /pfs that user code finds them in.
    join_on, group_by: templates over what the glob captures, for `Join` and `Group` above.
    reference: whether content is left out of the datum hash. never: whether new commits start no job.
    """

    name: str
    repo: Repo
    branch: str
    glob: str
    join_on: str = ""
    outer_join: bool = False
    group_by: str = ""
    lazy: bool = False
    empty_files: bool = False
    s3: bool = False
    reference: bool = False
    never: bool = False
    trigger: Trigger | None = None

    @property
    def source(self) -> Branch:
        """The branch whose head the files are read from."""
        return Branch(self.repo, self.branch)


@dataclass(frozen=True, slots=True)
class Cron:
    """A clock: at each tick of `spec` a file named after the time appears in `repo`.

    start: RFC 3339 time before which nothing ticks, "" for the pipeline's creation.
    overwrite: whether each tick removes the files of earlier ones.
    """

    name: str
    repo: Repo
    spec: str
    start: str = ""
    overwrite: bool = False
    branch: str = "master"
    glob: str = "/*"

    @property
    def source(self) -> Branch:
        """The branch that ticks are committed to."""
        return Branch(self.repo, self.branch)


@dataclass(frozen=True, slots=True)
class Cross:
    """Every combination of one datum from each child."""

    children: tuple[Input, ...]


@dataclass(frozen=True, slots=True)
class Union:
    """The datums of every child."""

    children: tuple[Input, ...]


@dataclass(frozen=True, slots=True)
class Join:
    """Every combination of one datum from each child that agree on their `join_on` key."""

    children: tuple[Input, ...]


@dataclass(frozen=True, slots=True)
class Group:
    """One datum for each `group_by` key, of all that carry it in any child."""

    children: tuple[Input, ...]


Leaf = Pfs | Cron
Combinator = Cross | Union | Join | Group
Input = Leaf | Combinator

COMBINATORS: Mapping[str, type[Combinator]] = {"cross": Cross, "union": Union, "join": Join, "group": Group}
"""The key that says what a node of a spec is, for nodes that have children."""

KINDS = ("pfs", *COMBINATORS, "cron")


def from_spec(spec: Mapping[str, Any], project: str, pipeline: str = "") -> Input:
    """Return the input that the `input` of an effective spec in canonical form describes.

    project, pipeline: of the pipeline; what leaves do not say follows from them.
    """
    [(kind, node)] = [(kind, spec[kind]) for kind in KINDS if spec.get(kind) is not None]
    if kind == "pfs":
        return _pfs(node, project)
    if kind == "cron":
        return _cron(node, project, pipeline)
    return COMBINATORS[kind](tuple(from_spec(child, project, pipeline) for child in node))


def walk(root: Input) -> Iterator[Input]:
    """Yield every node, each before its children, in the order of the spec."""
    yield root
    if isinstance(root, Combinator):
        for child in root.children:
            yield from walk(child)


def leaves(root: Input | None) -> tuple[Leaf, ...]:
    """Return the leaves in the order of the spec; none when there is no input."""
    return () if root is None else tuple(node for node in walk(root) if isinstance(node, Leaf))


def sources(root: Input | None) -> Sequence[Branch]:
    """Return the branches that the input reads, each once: the provenance of the pipeline's output."""
    return list(dict.fromkeys(leaf.source for leaf in leaves(root)))


def _pfs(node: Mapping[str, Any], project: str) -> Pfs:
    trigger = node.get("trigger")
    return Pfs(
        name=node.get("name") or node["repo"],
        repo=Repo(node.get("project") or project, node["repo"], node.get("repo_type") or USER),
        branch=node.get("branch") or "master",
        glob=node.get("glob") or "/",
        join_on=node.get("join_on", ""),
        outer_join=node.get("outer_join", False),
        group_by=node.get("group_by", ""),
        lazy=node.get("lazy", False),
        empty_files=node.get("empty_files", False),
        s3=node.get("s3", False),
        reference=node.get("reference", False),
        never=(node.get("propagation_spec") or {}).get("never", False),
        trigger=None if trigger is None else Trigger(**trigger),
    )


def _cron(node: Mapping[str, Any], project: str, pipeline: str) -> Cron:
    return Cron(
        name=node["name"],
        repo=Repo(node.get("project") or project, node.get("repo") or f"{pipeline}_{node['name']}"),
        spec=node["spec"],
        start=node.get("start", ""),
        overwrite=node.get("overwrite", False),
    )
