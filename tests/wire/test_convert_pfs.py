"""What requests leave out, and what responses carry."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from hathi.model.errors import InvalidError
from hathi.model.ids import CommitSetId
from hathi.model.infos import CommitInfo, FileInfo, FileType, Origin
from hathi.model.references import Branch, CommitSpec, Repo
from hathi.wire.convert import pfs
from hathi.wire.gen import pfs_pb2

REPO = Repo("default", "images")
NOON = datetime(2024, 5, 1, 12, tzinfo=UTC)


def test_an_empty_project_means_default_and_an_empty_type_user() -> None:
    assert pfs.to_repo(pfs_pb2.Repo(name="images")) == REPO
    assert pfs.to_repo(pfs_pb2.Repo(name="images", type="meta", project=pfs_pb2.Project(name="p"))) == Repo(
        "p", "images", "meta"
    )


def test_a_repo_without_a_name_is_refused() -> None:
    with pytest.raises(InvalidError):
        pfs.to_repo(pfs_pb2.Repo())


def test_a_commit_may_carry_its_repo_in_its_branch_only() -> None:
    branch = pfs_pb2.Branch(repo=pfs_pb2.Repo(name="images"), name="master")
    assert pfs.to_commit_spec(pfs_pb2.Commit(branch=branch)) == CommitSpec(REPO, "master")
    assert pfs.to_commit_spec(pfs_pb2.Commit(branch=branch, id="abc^2")) == CommitSpec(REPO, "master", "abc^2")


def test_a_commit_without_any_repo_is_refused() -> None:
    with pytest.raises(InvalidError, match="commit must have a repo"):
        pfs.to_commit_spec(pfs_pb2.Commit(id="abc"))


def test_an_optional_commit_that_names_nothing_is_none() -> None:
    assert pfs.to_optional_commit_spec(pfs_pb2.Commit(repo=pfs_pb2.Repo(name="images"))) is None


def test_what_a_client_writes_a_server_reads() -> None:
    for spec in (CommitSpec(REPO, "master^"), CommitSpec(REPO, id="x"), CommitSpec(Repo("p", "r", "spec"), "b", "i")):
        assert pfs.to_commit_spec(pfs.commit_spec_message(spec)) == spec
    branch = Branch(Repo("p", "r"), "b")
    assert pfs.to_branch(pfs.branch_message(branch)) == branch


def test_responses_leave_the_branch_of_a_commit_empty() -> None:
    message = pfs.commit_message(REPO.commit("c" * 32))
    assert not message.HasField("branch")
    assert pfs.to_repo(message.repo) == REPO


def test_an_unfinished_commit_has_neither_times_nor_details() -> None:
    info = CommitInfo(
        commit=REPO.commit("c" * 32),
        branch="master",
        origin=Origin.AUTO,
        description="",
        parent=None,
        children=(),
        started=NOON,
        finishing=None,
        finished=None,
        direct_provenance=(),
        error="",
        size_upper_bound=7,
    )
    message = pfs.commit_info_message(info)
    assert message.started.seconds == int(NOON.timestamp())
    for absent in ("finishing", "finished", "details", "parent_commit"):
        assert not message.HasField(absent)
    assert message.origin.kind == pfs_pb2.AUTO


def test_file_infos_of_one_list_do_not_share_state() -> None:
    make = pfs.FileInfoMessages()
    commit = REPO.commit(CommitSetId("c" * 32))
    one = make(FileInfo(commit, "/a", FileType.FILE, 1, b"h", NOON))
    two = make(FileInfo(commit, "/b/", FileType.DIR, 2, b"", NOON))
    assert (one.file.path, one.size_bytes, one.hash, one.file_type) == ("/a", 1, b"h", pfs_pb2.FILE)
    assert (two.file.path, two.size_bytes, two.hash, two.file_type) == ("/b/", 2, b"", pfs_pb2.DIR)
    assert one.file.commit.id == two.file.commit.id == "c" * 32
