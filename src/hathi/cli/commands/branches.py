"""Branches."""

from __future__ import annotations

import click

from hathi.cli import options, references
from hathi.cli.grammar import command
from hathi.cli.render import documents, tables, times
from hathi.cli.session import Session, pass_session, require
from hathi.model import parse
from hathi.wire.gen import pfs_pb2


@command()
@click.argument("branch", metavar="REPO@BRANCH")
@click.option("-p", "--provenance", multiple=True, metavar="REPO@BRANCH", help="A branch that this one follows.")
@click.option("--head", default="", metavar="COMMIT", help="The commit it points at: X, or repo@X.")
@click.option("-t", "--trigger", default="", metavar="BRANCH", help="Follow this branch when a condition holds.")
@click.option("--trigger-cron", default="", help="Condition: a schedule.")
@click.option("--trigger-size", default="", help="Condition: that much new data, e.g. 100M.")
@click.option("--trigger-commits", default=0, help="Condition: that many new commits.")
@click.option("--trigger-all", is_flag=True, help="All conditions must hold, instead of any.")
@options.project
@pass_session
def create_branch(
    session: Session,
    branch: str,
    provenance: tuple[str, ...],
    head: str,
    trigger: str,
    trigger_cron: str,
    trigger_size: str,
    trigger_commits: int,
    trigger_all: bool,
    project: str | None,
) -> None:
    """A branch that exists is changed to what is given. In a transaction, it is queued."""
    where = session.project(project)
    name = parse.parse_branch(branch, where)
    follows = [references.branch(each, where) for each in options.split_commas(provenance)]
    conditions = bool(trigger_cron or trigger_size or trigger_commits or trigger_all)
    require(
        trigger or not conditions, "trigger condition specified without a branch to trigger on, specify with --trigger"
    )
    require(not (trigger and follows), "cannot use provenance and triggers on the same branch")
    request = pfs_pb2.CreateBranchRequest(branch=references.branch_of(name), provenance=follows)
    if head:
        text = head if "@" in head else f"{references.short(references.repo_of(name.repo))}@{head}"
        request.head.CopyFrom(references.commit_of(parse.parse_commit(text, where)))
    if trigger:
        request.trigger.CopyFrom(
            pfs_pb2.Trigger(
                branch=trigger, all=trigger_all, size=trigger_size, commits=trigger_commits, cron_spec=trigger_cron
            )
        )
    with session.change() as server:
        server.pfs.CreateBranch(request)


@command()
@click.argument("branch", metavar="REPO@BRANCH")
@options.raw_output
@options.timestamps
@options.project
@pass_session
def inspect_branch(
    session: Session, branch: str, raw: bool, output: str, full_timestamps: bool, project: str | None
) -> None:
    """Head, provenance and trigger."""
    form = documents.wanted(raw, output)
    message = references.branch(branch, session.project(project))
    info = session.server.pfs.InspectBranch(pfs_pb2.InspectBranchRequest(branch=message))
    if form:
        documents.show([info], form)
        return
    tables.fields(
        [
            ("Name", _name(info.branch)),
            ("Head Commit", references.id_of(info.head) if info.HasField("head") else ""),
            ("Provenance", ", ".join(_name(each) for each in info.provenance)),
            ("Trigger", _trigger(info)),
            ("Created by", info.created_by),
            ("Created at", times.ago(info.created_at, full=full_timestamps) if info.HasField("created_at") else ""),
        ]
    )


@command()
@click.argument("repo")
@options.raw_output
@options.project
@pass_session
def list_branch(session: Session, repo: str, raw: bool, output: str, project: str | None) -> None:
    """Newest first."""
    form = documents.wanted(raw, output)
    message = references.repo(repo, session.project(project))
    infos = session.server.pfs.ListBranch(pfs_pb2.ListBranchRequest(repo=message))
    if form:
        documents.show(infos, form)
        return
    tables.table(
        ("BRANCH", "HEAD", "TRIGGER", "CREATOR", "CREATED"),
        (
            (
                info.branch.name,
                info.head.id if info.HasField("head") else "-",
                _trigger(info) or "-",
                info.created_by or "-",
                times.ago(info.created_at) if info.HasField("created_at") else "-",
            )
            for info in infos
        ),
    )


@command()
@click.argument("branch", metavar="REPO@BRANCH")
@click.option("-f", "--force", is_flag=True, help="Delete it even if another branch follows it.")
@options.project
@pass_session
def delete_branch(session: Session, branch: str, force: bool, project: str | None) -> None:
    """In a transaction, it is queued."""
    message = references.branch(branch, session.project(project))
    with session.change() as server:
        server.pfs.DeleteBranch(pfs_pb2.DeleteBranchRequest(branch=message, force=force))


def _name(branch: pfs_pb2.Branch) -> str:
    return f"{references.short(branch.repo)}@{branch.name}"


def _trigger(info: pfs_pb2.BranchInfo) -> str:
    """Say a trigger in one line, e.g. `staging on Size(100M) or Commits(10)`."""
    if not info.HasField("trigger"):
        return ""
    found = info.trigger
    conditions = [
        *([f"Cron({found.cron_spec})"] if found.cron_spec else []),
        *([f"RateLimit({found.rate_limit_spec})"] if found.rate_limit_spec else []),
        *([f"Size({found.size})"] if found.size else []),
        *([f"Commits({found.commits})"] if found.commits else []),
    ]
    return f"{found.branch} on {(' and ' if found.all else ' or ').join(conditions)}"
