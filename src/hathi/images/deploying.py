"""Setting up a build pipeline: bytes first, then everything that has a name in one transaction.

Until that transaction nothing that runs has changed, so an error before it or in it leaves the old pipeline as it was.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from typing import Any

from hathi.images.errors import RepoInTheWay
from hathi.images.rewriting import BuildSpecs
from hathi.images.source import SourceFile
from hathi.images.staging import Fingerprint, Staged, stage
from hathi.model.builds import BUILD, PREVIOUS, SOURCE, UPLOAD, builder_of
from hathi.model.errors import ExistsError, HathiError, NotFoundError
from hathi.model.references import Pipeline, Repo
from hathi.wire.client import Client
from hathi.wire.gen import pfs_pb2, pps_pb2, transaction_pb2

_OURS = {UPLOAD, SOURCE, PREVIOUS, BUILD}

Request = transaction_pb2.TransactionRequest


def deploy(
    client: Client,
    pipeline: Pipeline,
    specs: BuildSpecs,
    files: Sequence[SourceFile],
    fingerprint: Fingerprint,
    *,
    update: bool,
    reprocess: bool,
    staged: Callable[[Staged], None] = lambda _: None,
) -> None:
    """Upload `files` and create or update both pipelines. When that fails, a repo that was made for it goes again.

    reprocess: build from nothing, and run every datum again. staged: called when the code is there.
    Raises ExistsError, RepoInTheWay, SourceError, and what the server finds wrong with the specs.
    """
    if not update:
        _check_new(client, pipeline)
    repo = builder_of(pipeline).output
    made = _prepare(client, repo)
    try:
        _set_up(client, repo, specs, files, fingerprint, update=update, reprocess=reprocess, staged=staged)
    except BaseException:
        if made:
            with suppress(HathiError):
                client.pfs.DeleteRepo(pfs_pb2.DeleteRepoRequest(repo=_repo(repo)))
        raise


def _set_up(
    client: Client,
    repo: Repo,
    specs: BuildSpecs,
    files: Sequence[SourceFile],
    fingerprint: Fingerprint,
    *,
    update: bool,
    reprocess: bool,
    staged: Callable[[Staged], None],
) -> None:
    code = stage(client, repo, files, fingerprint)
    staged(code)
    heads = {SOURCE: code.commit}
    if earlier := _earlier(client, repo, from_nothing=reprocess):
        heads[PREVIOUS] = earlier
    requests = [
        *(Request(create_branch=_move(repo, branch, commit)) for branch, commit in heads.items()),
        Request(create_pipeline_v2=_pipeline(specs.builder, update=True, reprocess=reprocess)),
        Request(create_pipeline_v2=_pipeline(specs.main, update=update, reprocess=reprocess)),
    ]
    client.transaction.BatchTransaction(transaction_pb2.BatchTransactionRequest(requests=requests))


def _check_new(client: Client, pipeline: Pipeline) -> None:
    """Raise ExistsError before anything is sent, where the transaction would refuse in the end."""
    message = pps_pb2.Pipeline(name=pipeline.name, project=pfs_pb2.Project(name=pipeline.project))
    with suppress(NotFoundError):
        client.pps.InspectPipeline(pps_pb2.InspectPipelineRequest(pipeline=message))
        raise ExistsError(f"pipeline {pipeline} already exists")


def _prepare(client: Client, repo: Repo) -> bool:
    """Make the repo and its branch `previous`, whose first head is an empty commit of a set of its own.

    Returns whether the repo was made.
    """
    message = _repo(repo)
    made = False
    try:
        found = client.pfs.InspectRepo(pfs_pb2.InspectRepoRequest(repo=message))
    except NotFoundError:
        name = repo.name.removesuffix("_build")
        text = f"Code and builds of pipeline {name}."
        client.pfs.CreateRepo(pfs_pb2.CreateRepoRequest(repo=message, description=text))
        branches: set[str] = set()
        made = True
    else:
        branches = {branch.name for branch in found.branches}
    if branches - _OURS:
        raise RepoInTheWay(str(repo), sorted(branches - _OURS))
    if PREVIOUS not in branches:
        branch = pfs_pb2.Branch(repo=message, name=PREVIOUS)
        client.pfs.CreateBranch(pfs_pb2.CreateBranchRequest(branch=branch))
    return made


def _earlier(client: Client, repo: Repo, *, from_nothing: bool) -> str:
    """Return the commit that the builder shall see as the previous build; "" when `previous` is right as it is."""
    if from_nothing:
        empty = (info for info in _commits(client, repo) if info.commit.branch.name == PREVIOUS)
        return next((info.commit.id for info in empty), "")
    try:
        client.pfs.InspectBranch(pfs_pb2.InspectBranchRequest(branch=pfs_pb2.Branch(repo=_repo(repo), name=BUILD)))
    except NotFoundError:
        return ""
    good = (info for info in _commits(client, repo, BUILD) if info.HasField("finished") and not info.error)
    return next((info.commit.id for info in good), "")


def _commits(client: Client, repo: Repo, branch: str = "") -> Iterator[pfs_pb2.CommitInfo]:
    """Yield commits, newest first: those that lead to the head of a branch, or all of the repo."""
    request = pfs_pb2.ListCommitRequest(repo=_repo(repo), all=True)
    if branch:
        request.to.CopyFrom(_commit(repo, branch=branch))
    yield from client.pfs.ListCommit(request)


def _move(repo: Repo, branch: str, commit: str) -> pfs_pb2.CreateBranchRequest:
    return pfs_pb2.CreateBranchRequest(
        branch=pfs_pb2.Branch(repo=_repo(repo), name=branch), head=_commit(repo, id=commit)
    )


def _pipeline(spec: dict[str, Any], *, update: bool, reprocess: bool) -> pps_pb2.CreatePipelineTransaction:
    return pps_pb2.CreatePipelineTransaction(
        create_pipeline_request=pps_pb2.CreatePipelineRequest(update=update, reprocess=reprocess),
        user_json=json.dumps(spec, ensure_ascii=False),
    )


def _repo(repo: Repo) -> pfs_pb2.Repo:
    return pfs_pb2.Repo(name=repo.name, type=repo.type, project=pfs_pb2.Project(name=repo.project))


def _commit(repo: Repo, *, branch: str = "", id: str = "") -> pfs_pb2.Commit:
    return pfs_pb2.Commit(repo=_repo(repo), branch=pfs_pb2.Branch(repo=_repo(repo), name=branch), id=id)
