"""A sample of what pipelines read: the files of some datums, copied into another project without moving a byte."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from google.protobuf import json_format
from google.protobuf.wrappers_pb2 import BytesValue

from hathi.cli import references
from hathi.cli.ci.rehoming import Home, outside
from hathi.cli.connection import Server
from hathi.cli.errors import CliError
from hathi.cli.local.tasks import inputs_of
from hathi.cli.specs import Spec
from hathi.model.errors import NotFoundError
from hathi.model.inputs import Cron, Leaf, from_spec, leaves
from hathi.model.pps import DatumInput
from hathi.model.references import Branch, Commit, CommitSpec
from hathi.model.spec import parse_spec
from hathi.wire.gen import pfs_pb2, pps_pb2

Wanted = dict[Branch, dict[str, Commit | None]]
"""Branch that a pipeline reads -> path -> commit that it is taken from, None for an empty file."""


def sample(server: Server, specs: Sequence[Spec], number: int) -> Wanted:
    """Return the files of at most `number` datums of each pipeline, 0 for all; every branch that is read is a key.

    Raises CliError when something that they read is not there.
    """
    wanted: Wanted = {}
    for spec in specs:
        parsed = parse_spec(spec.data, project=spec.project)
        left = outside(specs, spec)
        for leaf in left:
            wanted.setdefault(leaf.source, {})
        still = [leaf for leaf in left if isinstance(leaf, Cron) and not _has_ticked(server, leaf, spec)]
        for clock in still:
            wanted[clock.source] = {f"/{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}": None}
        whole = left and not still and len(left) == len(leaves(parsed.input))
        nodes = [parsed.effective["input"]] if whole else [_alone(leaf) for leaf in left if leaf not in still]
        for node in nodes:
            try:
                parts = list(_parts(server, node, spec, number))
            except NotFoundError as error:
                raise CliError(f"{spec.source}: pipeline {spec.name} cannot be tried: {error}") from error
            for part in parts:
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


def _copies(there: Branch, paths: Mapping[str, Commit | None]) -> Iterator[pfs_pb2.ModifyFileRequest]:
    commit = references.commit_of(CommitSpec(there.repo, branch=there.name))
    yield pfs_pb2.ModifyFileRequest(set_commit=commit)
    for path, source in _outermost(paths):
        if source is None:
            yield pfs_pb2.ModifyFileRequest(add_file=pfs_pb2.AddFile(path=path, raw=BytesValue()))
            continue
        from_ = references.commit_of(CommitSpec(source.repo, id=source.id))
        copy = pfs_pb2.CopyFile(dst=path, src=pfs_pb2.File(commit=from_, path=path))
        yield pfs_pb2.ModifyFileRequest(copy_file=copy)


def _outermost(paths: Mapping[str, Commit | None]) -> Iterable[tuple[str, Commit | None]]:
    """Yield the paths that lie in no other one: what a folder brings along need not be copied again."""
    covered = ""
    for path in sorted(paths, key=lambda path: path.rstrip("/") + "/"):
        if not covered or not (path.rstrip("/") + "/").startswith(covered):
            covered = path.rstrip("/") + "/"
            yield path, paths[path]


def _has_ticked(server: Server, clock: Cron, spec: Spec) -> bool:
    """Return whether a clock has left anything; that of a pipeline that is new has no repo yet."""
    try:
        return any(_parts(server, _alone(clock), spec, 1))
    except NotFoundError:
        return False


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
