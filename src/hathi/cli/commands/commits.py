"""Commits and commit sets."""

from __future__ import annotations

from collections.abc import Iterable

import click

from hathi.cli import options, references
from hathi.cli.errors import CliError
from hathi.cli.grammar import command
from hathi.cli.render import documents, pfs, tables
from hathi.cli.session import Session, pass_session, require
from hathi.model import ids, parse
from hathi.model.errors import UnimplementedError
from hathi.model.references import USER
from hathi.wire.gen import hathi_pb2, pfs_pb2


@command()
@click.argument("branch", metavar="REPO@BRANCH")
@click.option(
    "-p", "--parent", default="", metavar="COMMIT", help="The commit to start from: an id, branch or ancestry."
)
@click.option("-m", "--message", default="", help="A description of it.")
@click.option("--description", default="", help="The same as --message.")
@options.project
@pass_session
def start_commit(
    session: Session, branch: str, parent: str, message: str, description: str, project: str | None
) -> None:
    """Its id is printed. Files can be put until it is finished. In a transaction, it is queued."""
    where = session.project(project)
    name = parse.parse_branch(branch, where)
    request = pfs_pb2.StartCommitRequest(branch=references.branch_of(name), description=message or description)
    if parent:
        text = parent if "@" in parent else f"{references.short(references.repo_of(name.repo))}@{parent}"
        request.parent.CopyFrom(references.commit_of(parse.parse_commit(text, where)))
    with session.change() as server:
        commit = server.pfs.StartCommit(request)
    click.echo(commit.id)


@command()
@click.argument("commit", metavar="REPO@BRANCH-OR-COMMIT")
@click.option("-m", "--message", default="", help="A description that replaces the one it started with.")
@click.option("--description", default="", help="The same as --message.")
@click.option("-f", "--force", is_flag=True, help="Finish it even if it is the output of a running job.")
@options.project
@pass_session
def finish_commit(
    session: Session, commit: str, message: str, description: str, force: bool, project: str | None
) -> None:
    """After that, its files never change. In a transaction, it is queued."""
    request = pfs_pb2.FinishCommitRequest(
        commit=references.commit(commit, session.project(project)), description=message or description, force=force
    )
    with session.change() as server:
        server.pfs.FinishCommit(request)


@command()
@click.argument("commit", metavar="REPO@BRANCH-OR-COMMIT")
@options.raw_output
@options.timestamps
@options.project
@pass_session
def inspect_commit(
    session: Session, commit: str, raw: bool, output: str, full_timestamps: bool, project: str | None
) -> None:
    """One commit of one repo; a commit set is listed by its id."""
    form = documents.wanted(raw, output)
    request = pfs_pb2.InspectCommitRequest(
        commit=references.commit(commit, session.project(project)), wait=pfs_pb2.STARTED
    )
    info = session.server.pfs.InspectCommit(request)
    _show(info, form, full=full_timestamps, delay="" if form else _delay(session, info, full=full_timestamps))


@command()
@click.argument("commit", metavar="REPO@BRANCH-OR-COMMIT")
@options.raw_output
@options.timestamps
@options.project
@pass_session
def wait_commit(
    session: Session, commit: str, raw: bool, output: str, full_timestamps: bool, project: str | None
) -> None:
    """A bare id waits for the whole commit set and lists its commits."""
    form = documents.wanted(raw, output)
    if ids.is_id(commit):
        _list(_set(session, commit, wait=True), form, full=full_timestamps)
        return
    request = pfs_pb2.InspectCommitRequest(
        commit=references.commit(commit, session.project(project)), wait=pfs_pb2.FINISHED
    )
    _show(session.server.pfs.InspectCommit(request), form, full=full_timestamps)


@command()
@click.argument("commits", metavar="[ID | REPO[@BRANCH-OR-COMMIT]]", required=False)
@click.option("-f", "--from", "start", default="", metavar="COMMIT", help="Stop before this commit.")
@click.option("-n", "--number", default=0, help="List at most that many; 0 means all.")
@click.option("--all", "every", is_flag=True, help="List those of the system too.")
@click.option("-x", "--expand", is_flag=True, help="List the commits of each set instead of the sets.")
@click.option("--origin", default="", metavar="USER|AUTO|FSCK", help="List commits that came about this way.")
@options.raw_output
@options.timestamps
@options.project
@pass_session
def list_commit(
    session: Session,
    commits: str | None,
    start: str,
    number: int,
    every: bool,
    expand: bool,
    origin: str,
    raw: bool,
    output: str,
    full_timestamps: bool,
    project: str | None,
) -> None:
    """Without an argument commit sets are listed, newest first; with an id, the commits of that set."""
    form = documents.wanted(raw, output)
    kind = _origin(origin, every)
    where = session.project(project)
    if commits is None:
        require(not origin, "cannot specify --origin when listing all commits")
        require(not start, "cannot specify --from when listing all commits")
        _list_sets(session, where, number, expand, form, full=full_timestamps)
    elif ids.is_id(commits):
        require(not start, "cannot specify --from when listing subcommits")
        require(not every, "cannot specify --all when listing subcommits")
        require(not origin, "cannot specify --origin when listing subcommits")
        _list(_set(session, commits), form, full=full_timestamps)
    else:
        spec = parse.parse_commit(commits, where, bare=True)
        repo = references.repo_of(spec.repo)
        request = pfs_pb2.ListCommitRequest(repo=repo, number=number, all=every, origin_kind=kind)
        if spec.branch or spec.id:
            request.to.CopyFrom(references.commit_of(spec))
        if start:
            text = start if "@" in start else f"{references.short(repo)}@{start}"
            getattr(request, "from").CopyFrom(references.commit_of(parse.parse_commit(text, where)))
        _list(session.server.pfs.ListCommit(request), form, full=full_timestamps)


@command()
@click.argument("branch", metavar="REPO[@BRANCH]")
@click.option("--from", "start", default="", metavar="COMMIT", help="Begin behind this commit.")
@click.option("--new", "new", is_flag=True, help="Begin with what comes from now on.")
@click.option("--all", "every", is_flag=True, help="Show those of the system too.")
@click.option("--origin", default="", metavar="USER|AUTO|FSCK", help="Show commits that came about this way.")
@options.raw_output
@options.timestamps
@options.project
@pass_session
def subscribe_commit(
    session: Session,
    branch: str,
    start: str,
    new: bool,
    every: bool,
    origin: str,
    raw: bool,
    output: str,
    full_timestamps: bool,
    project: str | None,
) -> None:
    """It never ends by itself."""
    form = documents.wanted(raw, output)
    require(not (start and new), "--from and --new cannot both be provided")
    where = session.project(project)
    spec = parse.parse_commit(branch, where, bare=True)
    require(not spec.id, f'invalid format "{branch}": expected repo or repo@branch')
    repo = references.repo_of(spec.repo)
    request = pfs_pb2.SubscribeCommitRequest(
        repo=repo, branch=spec.branch, all=every, origin_kind=_origin(origin, every), state=pfs_pb2.STARTED
    )
    if new:
        start = spec.branch
    if start:
        text = start if "@" in start else f"{references.short(repo)}@{start}"
        getattr(request, "from").CopyFrom(references.commit_of(parse.parse_commit(text, where)))
    infos = session.server.pfs.SubscribeCommit(request)
    if form:
        documents.show(infos, form)
        return
    live = tables.LiveTable(pfs.COMMIT_HEADER, pfs.COMMIT_WIDTHS)
    for info in infos:
        live.add(pfs.commit_row(info, full=full_timestamps))


def _origin(text: str, every: bool) -> pfs_pb2.OriginKind.ValueType:
    """Return the kind of origin that `--origin` names."""
    require(not (text and every), "cannot specify both --all and --origin")
    if not text:
        return pfs_pb2.ORIGIN_KIND_UNKNOWN
    if text.upper() not in ("USER", "AUTO", "FSCK"):
        raise CliError(f'unknown commit origin type "{text}": expected USER, AUTO or FSCK')
    return pfs_pb2.OriginKind.Value(text.upper())


def _set(session: Session, id: str, *, wait: bool = False) -> Iterable[pfs_pb2.CommitInfo]:
    request = pfs_pb2.InspectCommitSetRequest(commit_set=pfs_pb2.CommitSet(id=id), wait=wait)
    found: Iterable[pfs_pb2.CommitInfo] = session.server.pfs.InspectCommitSet(request)
    return found


def _show(info: pfs_pb2.CommitInfo, form: str, *, full: bool, delay: str = "") -> None:
    if form:
        documents.show([info], form)
    else:
        tables.fields([*pfs.commit_fields(info, full=full), ("Not finished yet", delay)])


def _delay(session: Session, info: pfs_pb2.CommitInfo, *, full: bool) -> str:
    """Return why a closed commit cannot be finished for now; "" when nothing is known against it."""
    if not info.HasField("finishing") or info.HasField("finished"):
        return ""
    repo = references.repo_in(info.commit)
    kind = "" if repo.type == USER else f".{repo.type}"
    request = hathi_pb2.FailuresRequest(subject=f"commit {repo.project.name}/{repo.name}{kind}@{info.commit.id}")
    try:
        failures = session.server.about.Failures(request).failures
    except UnimplementedError:
        return ""  # it is the original
    return "; ".join(pfs.failure(failure, full=full) for failure in failures)


def _list(infos: Iterable[pfs_pb2.CommitInfo], form: str, *, full: bool) -> None:
    if form:
        documents.show(infos, form)
    else:
        tables.table(pfs.COMMIT_HEADER, (pfs.commit_row(info, full=full) for info in infos))


def _list_sets(session: Session, project: str, number: int, expand: bool, form: str, *, full: bool) -> None:
    found = session.server.pfs.ListCommitSet(pfs_pb2.ListCommitSetRequest(project=references.project(project)))
    sets = (info for at, info in enumerate(found) if not number or at < number)
    if expand:
        _list((commit for info in sets for commit in info.commits), form, full=full)
    elif form:
        documents.show(sets, form)
    else:
        tables.table(pfs.SET_HEADER, (pfs.set_row(info, full=full, color=session.color) for info in sets))
