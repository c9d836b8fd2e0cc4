"""A sample of what pipelines read: the files of some datums, copied into another project without moving a byte."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from google.protobuf import json_format

from hathi.cli import references
from hathi.cli.ci.rehoming import Home, outside
from hathi.cli.connection import Server
from hathi.cli.local.tasks import inputs_of
from hathi.cli.specs import Spec
from hathi.model.inputs import Cron, Leaf, from_spec, leaves
from hathi.model.pps import DatumInput
from hathi.model.references import Branch, Commit, CommitSpec
from hathi.model.spec import parse_spec
from hathi.wire.gen import pfs_pb2, pps_pb2

Wanted = dict[Branch, dict[str, Commit]]
"""Branch that a pipeline reads -> path -> commit that it is taken from."""


def sample(server: Server, specs: Sequence[Spec], number: int) -> Wanted:
    """Return the files of at most `number` datums of each pipeline, 0 for all; every branch that is read is a key."""
    wanted: Wanted = {}
    for spec in specs:
        parsed = parse_spec(spec.data, project=spec.project)
        left = outside(specs, spec)
        for leaf in left:
            wanted.setdefault(leaf.source, {})
        whole = len(left) == len(leaves(parsed.input))
        nodes = [parsed.effective["input"]] if whole and left else map(_alone, left)
        for node in nodes:
            for part in _parts(server, node, spec, number):
                wanted[Branch(part.commit.repo, part.branch)][part.path] = part.commit
    return wanted


def copy(server: Server, wanted: Wanted, home: Home) -> None:
    """Make the repos of a sample in its new home, each branch with one commit."""
    made = set()
    for branch, paths in wanted.items():
        there = home.branch(branch)
        if there.repo not in made:
            text = f"Sample of {branch.repo}."
            server.pfs.CreateRepo(
                pfs_pb2.CreateRepoRequest(repo=references.repo_of(there.repo), description=text, update=True)
            )
            made.add(there.repo)
        server.pfs.ModifyFile(_copies(there, paths))


def _copies(there: Branch, paths: Mapping[str, Commit]) -> Iterator[pfs_pb2.ModifyFileRequest]:
    commit = references.commit_of(CommitSpec(there.repo, branch=there.name))
    yield pfs_pb2.ModifyFileRequest(set_commit=commit)
    for path, source in _outermost(paths):
        from_ = references.commit_of(CommitSpec(source.repo, id=source.id))
        copy = pfs_pb2.CopyFile(dst=path, src=pfs_pb2.File(commit=from_, path=path))
        yield pfs_pb2.ModifyFileRequest(copy_file=copy)


def _outermost(paths: Mapping[str, Commit]) -> Iterable[tuple[str, Commit]]:
    """Yield the paths that lie in no other one: what a folder brings along need not be copied again."""
    covered = ""
    for path in sorted(paths, key=lambda path: path.rstrip("/") + "/"):
        if not covered or not (path.rstrip("/") + "/").startswith(covered):
            covered = path.rstrip("/") + "/"
            yield path, paths[path]


def _alone(leaf: Leaf) -> dict[str, Any]:
    """Return the input that is one leaf of another, as a spec has it."""
    glob = "/*" if isinstance(leaf, Cron) else leaf.glob
    repo = leaf.repo
    fields = {"name": leaf.name, "repo": repo.name, "project": repo.project, "repo_type": repo.type}
    return {"pfs": {**fields, "branch": leaf.branch, "glob": glob}}


def _parts(server: Server, node: Mapping[str, Any], spec: Spec, number: int) -> Iterator[DatumInput]:
    request = pps_pb2.ListDatumRequest(number=number)
    json_format.ParseDict(dict(node), request.input, ignore_unknown_fields=True)
    root = from_spec(node, spec.project, spec.name)
    for info in server.pps.ListDatum(request):
        yield from inputs_of(info, root)
