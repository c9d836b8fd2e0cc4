"""Projects, repos, branches and commits."""

from __future__ import annotations

import json

import pytest
import yaml
from google.protobuf.timestamp_pb2 import Timestamp

from hathi.wire.gen import admin_pb2, auth_pb2, hathi_pb2, pfs_pb2, pps_pb2

NOW = 1_700_000_000
ID = "0123456789ab4def8123456789abcdef"
REPO = pfs_pb2.Repo(name="images", type="user", project=pfs_pb2.Project(name="default"))


def ago(seconds: int) -> Timestamp:
    return Timestamp(seconds=NOW - seconds)


def commit_info(**fields) -> pfs_pb2.CommitInfo:
    origin = pfs_pb2.CommitOrigin(kind=pfs_pb2.USER)
    return pfs_pb2.CommitInfo(commit=pfs_pb2.Commit(repo=REPO, id=ID), origin=origin, started=ago(120), **fields)


def test_repos_are_listed_in_the_original_s_columns(pachctl, server) -> None:
    server.answers["ListRepo"] = [
        pfs_pb2.RepoInfo(repo=REPO, created=ago(3 * 60 + 1), size_bytes_upper_bound=1536, description="all\nof them"),
        pfs_pb2.RepoInfo(repo=REPO, created=ago(1), details=pfs_pb2.RepoInfo.Details(size_bytes=10)),
    ]
    assert pachctl("list", "repo").lines == [
        "PROJECT NAME   CREATED       SIZE (MASTER) DESCRIPTION",
        "default images 3 minutes ago ≤ 1.5KiB      all of them",
        "default images 1 second ago  10B",
    ]
    asked = server.one("ListRepo")
    assert (asked.type, [each.name for each in asked.projects]) == ("user", ["default"])
    pachctl("list", "repo", "--all", "-A")
    assert server.calls[-1].message == pfs_pb2.ListRepoRequest()


def test_raw_output_is_a_document_for_each_object_under_original_names(pachctl, server, offline) -> None:
    server.answers["ListRepo"] = [pfs_pb2.RepoInfo(repo=REPO, size_bytes_upper_bound=7)] * 2
    expected = {
        "repo": {"name": "images", "type": "user", "project": {"name": "default"}},
        "size_bytes_upper_bound": "7",
    }
    document = json.dumps(expected, indent=2)
    assert pachctl("list", "repo", "--raw").out == f"{document}\n{document}\n"
    assert list(yaml.safe_load_all(pachctl("list", "repo", "--raw", "-o", "yaml").out)) == [expected] * 2
    assert offline("list", "repo", "-o", "json").err == "cannot set --output (-o) without --raw\n"
    assert 'unrecognized encoding "xml"' in offline("list", "repo", "--raw", "-o", "xml").err


def test_deleting_a_repo_reports_whether_there_was_one(pachctl, failing, server) -> None:
    server.answers["DeleteRepo"] = pfs_pb2.DeleteRepoResponse(deleted=True)
    assert pachctl("delete", "repo", "a").err == "Repo deleted.\n"
    server.answers["DeleteRepo"] = pfs_pb2.DeleteRepoResponse()
    assert failing("delete", "repo", "a").err == "No repo deleted.\n"
    assert "not both" in failing("delete", "repo", "a", "--all").err


def test_an_error_of_the_server_is_one_line_without_grpc_s_prefix(failing, server, failure) -> None:
    server.answers["InspectRepo"] = failure("NOT_FOUND", "rpc error: code = NotFound desc = repo x not found\n")
    done = failing("inspect", "repo", "x")
    assert (done.out, done.err) == ("", "repo x not found\n")


def test_a_wrong_name_is_refused_before_anything_is_sent(failing, server) -> None:
    assert "invalid repo name" in failing("create", "repo", "a b").err
    assert "expected repo@branch" in failing("create", "branch", "images").err
    assert "repo cannot be empty" in failing("start", "commit", "@master").err
    assert not server.calls


def test_a_branch_is_created_with_head_provenance_or_trigger(pachctl, failing, server) -> None:
    pachctl("create", "branch", "images@dev", "--head", "master^", "-p", "a@x,b@y", "-p", "c@z")
    asked = server.one("CreateBranch")
    assert (asked.branch.name, asked.head.id) == ("dev", "master^")
    assert [each.repo.name for each in asked.provenance] == ["a", "b", "c"]
    pachctl("create", "branch", "images@prod", "-t", "dev", "--trigger-size", "100M", "--trigger-all")
    assert server.calls[-1].message.trigger == pfs_pb2.Trigger(branch="dev", size="100M", all=True)
    assert "without a branch to trigger on" in failing("create", "branch", "a@b", "--trigger-size", "1M").err
    assert "on the same branch" in failing("create", "branch", "a@b", "-t", "c", "-p", "x@y").err


def test_branches_are_listed_with_their_triggers_in_words(pachctl, server) -> None:
    trigger = pfs_pb2.Trigger(branch="staging", size="100M", commits=10)
    branch = pfs_pb2.Branch(repo=REPO, name="master")
    server.answers["ListBranch"] = [
        pfs_pb2.BranchInfo(branch=branch, head=pfs_pb2.Commit(repo=REPO, id=ID), trigger=trigger, created_at=ago(7200)),
        pfs_pb2.BranchInfo(branch=branch),
    ]
    trigger_text = "staging on Size(100M) or Commits(10)"
    assert pachctl("list", "branch", "images").lines == [
        f"BRANCH {'HEAD':32} {'TRIGGER':{len(trigger_text)}} CREATOR CREATED",
        f"master {ID} {trigger_text} -       2 hours ago",
        f"master {'-':32} {'-':{len(trigger_text)}} -       -",
    ]


def test_a_commit_is_started_finished_and_inspected(pachctl, failing, server) -> None:
    server.answers["StartCommit"] = pfs_pb2.Commit(id=ID)
    assert pachctl("start", "commit", "images@master", "-p", "dev", "-m", "hello").out == f"{ID}\n"
    asked = server.one("StartCommit")
    assert (asked.branch.name, asked.parent.branch.name, asked.description) == ("master", "dev", "hello")
    assert pachctl("finish", "commit", f"images@{ID}").out == ""
    assert server.one("FinishCommit").commit.id == ID
    server.answers["InspectCommit"] = commit_info(finished=ago(60), details=pfs_pb2.CommitInfo.Details(size_bytes=2048))
    assert pachctl("inspect", "commit", "images@master^2").lines == [
        f"Commit: images@{ID}",
        "Started: 2 minutes ago",
        "Finished: About a minute ago",
        "Size: 2KiB",
    ]
    assert server.one("InspectCommit").commit.id == "master^2"
    assert f"pachctl list commit {ID}" in failing("inspect", "commit", ID).err


def test_waiting_asks_the_server_to_wait_and_an_id_waits_for_its_set(pachctl, server) -> None:
    server.answers["InspectCommit"] = commit_info(finished=ago(1))
    pachctl("wait", "commit", "images@master")
    assert server.one("InspectCommit").wait == pfs_pb2.FINISHED
    server.answers["InspectCommitSet"] = [commit_info(finished=ago(1))]
    assert ID in pachctl("wait", "commit", ID).out
    assert server.one("InspectCommitSet").wait


def test_commits_are_listed_by_set_by_id_and_by_repo(pachctl, failing, server) -> None:
    done = commit_info(finished=ago(60), details=pfs_pb2.CommitInfo.Details(size_bytes=5), description="first")
    server.answers["ListCommitSet"] = [pfs_pb2.CommitSetInfo(commit_set=pfs_pb2.CommitSet(id=ID), commits=[done, done])]
    assert pachctl("list", "commit").lines == [
        "ID                               SUBCOMMITS PROGRESS CREATED       MODIFIED",
        f"{ID} 2          ▇▇▇▇▇▇▇▇ 2 minutes ago About a minute ago",
    ]
    server.answers["InspectCommitSet"] = [done]
    row = f"default images {ID} About a minute ago 5B   USER   -       first"
    assert pachctl("list", "commit", ID).lines[1] == row
    server.answers["ListCommit"] = [done, commit_info(size_bytes_upper_bound=3)]
    listed = pachctl("list", "commit", "images@master", "-n", "2", "--from", "dev", "--origin", "user").lines
    assert listed[2].split() == ["default", "images", ID, "-", "≤", "3B", "USER", "-"]
    asked = server.one("ListCommit")
    assert (asked.to.branch.name, asked.number, asked.origin_kind) == ("master", 2, pfs_pb2.USER)
    assert getattr(asked, "from").branch.name == "dev"
    assert "--origin" in failing("list", "commit", ID, "--origin", "USER").err
    assert "--from" in failing("list", "commit", "--from", "x").err
    assert "both --all and --origin" in failing("list", "commit", "images", "--all", "--origin", "USER").err
    assert 'unknown commit origin type "ME"' in failing("list", "commit", "images", "--origin", "ME").err


def test_subscribing_prints_a_row_for_each_commit(pachctl, server) -> None:
    server.answers["SubscribeCommit"] = [commit_info(), commit_info(finished=ago(1))]
    assert len(pachctl("subscribe", "commit", "images@master", "--new").lines) == 3
    asked = server.one("SubscribeCommit")
    assert (asked.branch, getattr(asked, "from").branch.name) == ("master", "master")


def test_commit_sets_are_squashed_and_deleted_by_id(pachctl, failing, server) -> None:
    pachctl("squash", "commit", ID)
    pachctl("delete", "commit", ID)
    assert [server.one(name).commit_set.id for name in ("SquashCommitSet", "DropCommitSet")] == [ID, ID]
    pachctl("delete", "commitV2", "images@master", "-r")
    assert server.one("DropCommit").recursive
    assert "commitV2" in failing("squash", "commit", "images@master").err


def test_projects_are_listed_with_the_active_one_marked(pachctl, server) -> None:
    server.answers["ListProject"] = [
        pfs_pb2.ProjectInfo(project=pfs_pb2.Project(name=name), description=name, created_at=ago(1))
        for name in ("default", "other")
    ]
    assert pachctl("list", "project").lines == [
        "ACTIVE PROJECT CREATED      DESCRIPTION",
        "*      default 1 second ago default",
        "       other   1 second ago other",
    ]


def test_a_project_is_deleted_after_questions(pachctl, failing, server) -> None:
    server.answers["ListRepo"] = [pfs_pb2.RepoInfo(repo=REPO)]
    done = failing("delete", "project", "p", text="n\n")
    assert "Are you sure you want to do this? (y/N): " in done.err
    assert not server.asked("DeleteProject")
    pachctl("delete", "project", "p", text="y\n")
    assert server.one("DeleteRepos").projects[0].name == "p"
    assert server.one("DeleteProject").project.name == "p"
    pachctl("delete", "project", "p", "--force")
    before = len(server.calls)
    assert "it always exists" in failing("delete", "project", "default", "--force").err
    assert len(server.calls) == before


@pytest.mark.parametrize(
    ("answer", "deleted"), [("y\n", True), ("Y\n", True), ("yes\n", False), ("\n", False), ("", False)]
)
def test_delete_all_wants_exactly_y(pachctl, server, answer, deleted) -> None:
    pachctl("delete", "all", text=answer)
    assert bool(server.asked("DeleteAll")) == deleted
    if deleted:
        assert len(server.asked("DeleteAll")) == 3


def test_whoami(pachctl, failing, server, failure) -> None:
    server.answers["WhoAmI"] = failure("UNIMPLEMENTED", "the auth service is not activated")
    assert failing("auth", "whoami").err == "the auth service is not activated\n"
    server.answers["WhoAmI"] = auth_pb2.WhoAmIResponse(username="robot:ci")
    assert pachctl("auth", "whoami").out == 'You are "robot:ci"\n'


def test_the_first_line_of_a_cluster_is_its_id_and_of_other_servers_the_only_one(pachctl, server) -> None:
    server.answers["InspectCluster"] = admin_pb2.ClusterInfo(id="c1", deployment_id="c1")
    server.answers["Server"] = hathi_pb2.ServerResponse(version="0.1", runtime="process")
    usage = hathi_pb2.UsageResponse(stored_bytes=2048, logical_bytes=4096, unused_bytes=1024)
    server.answers["Usage"] = usage
    told = "c1\nVersion: 0.1\nRuntime: process\nStored: 2KiB\n"
    assert pachctl("inspect", "cluster").out == told + "Garbage: not measured yet; run `pachctl gc --dry-run`\n"
    usage.measured.FromSeconds(1)
    assert pachctl("inspect", "cluster").out.startswith(told + "Files of all commits: 4KiB (")
    assert "\nGarbage: about 1KiB, which `pachctl gc` frees (" in pachctl("inspect", "cluster").out
    server.unserved |= {"hathi_v1.About", "hathi_v1.Storage"}
    assert pachctl("inspect", "cluster").out == "c1\n"
    assert json.loads(pachctl("inspect", "cluster", "--raw").out) == {"id": "c1", "deployment_id": "c1"}


def test_gc_shows_how_far_it_is_and_what_it_freed(pachctl, failing, server) -> None:
    plan = hathi_pb2.CollectPlan(packs=7, stored_bytes=4096, frees_bytes=2048, drop_packs=1, rewrite_packs=2)
    plan.first.add(name="packs/00/a-1", size=1024)
    plan.first.add(name="packs/00/a-2", size=1024, used_bytes=10)
    working = [hathi_pb2.CollectResponse(phase="looking"), hathi_pb2.CollectResponse(phase="looking")]
    last = hathi_pb2.CollectResponse(plan=plan, done=True, freed_bytes=2000, packs=3, orphans=1)
    server.answers["Collect"] = [*working, last]
    done = pachctl("gc")
    assert done.out == "freed 1.953KiB: deleted 3 of 7 packs and 1 unfinished objects\n"
    assert done.err == "looking ...\n"
    assert pachctl("gc", "--dry-run").out.splitlines() == [
        "PACK         SIZE IN USE ACTION",
        "packs/00/a-1 1KiB 0B     delete",
        "packs/00/a-2 1KiB 10B    rewrite",
        "... and 1 more",
        "would free 2KiB of 4KiB: delete 1 and rewrite 2 of 7 packs",
    ]
    server.answers["Collect"] = working
    assert "run `pachctl gc` again" in failing("gc").err


def test_transactions_queue_what_changes(pachctl, failing, server, config) -> None:
    from hathi.wire.gen import transaction_pb2

    id = "0123-45"
    server.answers["StartTransaction"] = transaction_pb2.Transaction(id=id)
    info = transaction_pb2.TransactionInfo(
        transaction=transaction_pb2.Transaction(id=id), requests=[transaction_pb2.TransactionRequest()], started=ago(5)
    )
    server.answers["FinishTransaction"] = server.answers["InspectTransaction"] = info
    server.answers["StartCommit"] = pfs_pb2.Commit(id=ID)
    assert pachctl("start", "transaction").out == f'started new transaction: "{id}"\n'
    assert "already exists" in failing("start", "transaction").err
    assert pachctl("create", "repo", "a").err == f"Added to transaction: {id}\n"
    done = pachctl("start", "commit", "a@master")
    assert (done.out, done.err) == (f"{ID}\n", f"Added to transaction: {id}\n")
    pachctl("delete", "repo", "a")
    assert all(
        server.asked(name)[0].metadata["pach-transaction"] == id for name in ("CreateRepo", "StartCommit", "DeleteRepo")
    )
    pachctl("list", "repo")
    assert "pach-transaction" not in server.calls[-1].metadata
    assert "in a transaction" in failing("put", "file", "a@master:/x", text="x").err
    assert pachctl("stop", "transaction").out == f"Cleared active transaction: {id}\n"
    assert failing("finish", "transaction").err == "no active transaction\n"
    assert pachctl("resume", "transaction", id).out == f"Resuming existing transaction with 1 requests: {id}\n"
    assert pachctl("inspect", "transaction").lines[0] == f"ID: {id}"
    assert pachctl("finish", "transaction").out == f"Completed transaction with 1 requests: {id}\n"
    assert "pach-transaction" not in (pachctl("create", "repo", "b"), server.calls[-1])[1].metadata
    server.answers["ListTransaction"] = transaction_pb2.TransactionInfos(transaction_info=[info])
    assert pachctl("list", "transaction").lines == ["TRANSACTION STARTED       OPS", "0123-45     5 seconds ago 1"]
    pachctl("delete", "transaction", id)
    assert server.one("DeleteTransaction").transaction.id == id


def test_a_pipeline_s_deletion_is_strict(pachctl, failing, server) -> None:
    pachctl("delete", "pipeline", "edges", "--keep-repo")
    assert server.one("DeletePipeline") == pps_pb2.DeletePipelineRequest(
        pipeline=pps_pb2.Pipeline(name="edges", project=pfs_pb2.Project(name="default")),
        keep_repo=True,
        must_exist=True,
    )
    pachctl("delete", "pipeline", "--all")
    assert server.one("DeletePipelines").projects[0].name == "default"
    assert "--all flag" in failing("delete", "pipeline").err


def test_a_closed_commit_that_cannot_be_finished_is_shown_with_the_reason(pachctl, server) -> None:
    info = commit_info(finishing=ago(60))
    server.answers["InspectCommit"] = info
    failures = hathi_pb2.FailuresResponse()
    failures.failures.add(task="finishing commits", reason="the disk is full", times=3, since_ns=1)
    server.answers["Failures"] = failures
    out = pachctl("inspect", "commit", "images@master").out
    assert "the disk is full (tried 3 times since" in out and "it is tried again)" in out
    assert server.one("Failures").subject == f"commit default/images@{ID}"
    info.finished.CopyFrom(ago(1))
    assert "Not finished yet" not in pachctl("inspect", "commit", "images@master").out


def test_a_server_that_knows_no_reasons_is_not_asked_twice_and_breaks_nothing(pachctl, server) -> None:
    info = commit_info(finishing=ago(60))
    server.answers["InspectCommit"] = info
    server.unserved.add("hathi_v1.About")
    assert "Not finished yet" not in pachctl("inspect", "commit", "images@master").out
