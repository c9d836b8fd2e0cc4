"""Projects, repos, branches and commits over the wire."""

from __future__ import annotations

import pytest
from google.protobuf.empty_pb2 import Empty

from hathi.model.errors import ExistsError, HathiError, InvalidError, NotFoundError, UnimplementedError
from hathi.wire.gen import pfs_pb2 as pb


def branch(repo: pb.Repo, name: str = "master") -> pb.Branch:
    return pb.Branch(repo=repo, name=name)


def head(repo: pb.Repo, name: str = "master") -> pb.Commit:
    return pb.Commit(repo=repo, branch=branch(repo, name))


def start(client, repo: pb.Repo, name: str = "master") -> pb.Commit:
    return client.pfs.StartCommit(pb.StartCommitRequest(branch=branch(repo, name)))


def finish(client, commit: pb.Commit) -> pb.CommitInfo:
    client.pfs.FinishCommit(pb.FinishCommitRequest(commit=commit))
    return client.pfs.InspectCommit(pb.InspectCommitRequest(commit=commit, wait=pb.FINISHED))


def test_projects(client) -> None:
    client.pfs.CreateProject(pb.CreateProjectRequest(project={"name": "p"}, description="d"))
    assert client.pfs.InspectProject(pb.InspectProjectRequest(project={"name": "p"})).description == "d"
    response = client.pfs.InspectProjectV2(pb.InspectProjectV2Request(project={"name": "p"}))
    assert (response.info.description, response.defaults_json) == ("d", "{}")
    assert {info.project.name for info in client.pfs.ListProject(pb.ListProjectRequest())} == {"default", "p"}
    client.pfs.DeleteProject(pb.DeleteProjectRequest(project={"name": "p"}))
    with pytest.raises(NotFoundError):
        client.pfs.InspectProject(pb.InspectProjectRequest(project={"name": "p"}))


def test_repos(client, repo) -> None:
    with pytest.raises(ExistsError, match=r"^repo default/images already exists$"):
        client.pfs.CreateRepo(pb.CreateRepoRequest(repo={"name": "images"}))
    client.pfs.CreateRepo(pb.CreateRepoRequest(repo={"name": "images"}, update=True, description="new"))
    info = client.pfs.InspectRepo(pb.InspectRepoRequest(repo={"name": "images"}))
    assert (info.repo, info.description, info.details.size_bytes) == (repo, "new", 0)
    assert [info.repo for info in client.pfs.ListRepo(pb.ListRepoRequest())] == [repo]
    with pytest.raises(NotFoundError, match=r"^repo default/nope not found$"):
        client.pfs.InspectRepo(pb.InspectRepoRequest(repo={"name": "nope"}))


def test_deleting_a_missing_repo_succeeds_and_says_so(client, repo) -> None:
    assert client.pfs.DeleteRepo(pb.DeleteRepoRequest(repo=repo)).deleted
    assert not client.pfs.DeleteRepo(pb.DeleteRepoRequest(repo=repo)).deleted


def test_deleting_repos_of_no_project_deletes_none(client, repo) -> None:
    assert not client.pfs.DeleteRepos(pb.DeleteReposRequest()).repos
    assert list(client.pfs.DeleteRepos(pb.DeleteReposRequest(all=True)).repos) == [repo]


def test_repos_that_are_deleted_together_may_depend_on_one_another(client, repo) -> None:
    made = pb.Repo(name="made", type="user", project=repo.project)
    client.pfs.CreateRepo(pb.CreateRepoRequest(repo=made))
    for source, target in ((made, repo), (repo, made)):
        branch = {"repo": target, "name": f"from-{source.name}"}
        provenance = [{"repo": source, "name": "master"}]
        client.pfs.CreateBranch(pb.CreateBranchRequest(branch=branch, provenance=provenance))
    assert len(client.pfs.DeleteRepos(pb.DeleteReposRequest(all=True)).repos) == 2


def test_repos_by_page(client) -> None:
    for name in "abc":
        client.pfs.CreateRepo(pb.CreateRepoRequest(repo={"name": name}))
    pages = [list(client.pfs.ListRepo(pb.ListRepoRequest(page={"page_size": 2, "page_index": n}))) for n in range(3)]
    assert [len(page) for page in pages] == [2, 1, 0]


def test_a_commit_lives_from_start_to_finish(client, repo) -> None:
    commit = start(client, repo)
    assert commit.repo == repo
    assert not commit.HasField("branch")
    info = client.pfs.InspectCommit(pb.InspectCommitRequest(commit=head(repo)))
    assert info.commit == commit
    assert not info.HasField("finished")
    info = finish(client, commit)
    assert info.HasField("finished")
    with pytest.raises(HathiError, match="has already finished"):
        client.pfs.FinishCommit(pb.FinishCommitRequest(commit=commit))


def test_requests_may_carry_their_repo_in_the_branch_only(client, repo) -> None:
    commit = finish(client, start(client, repo)).commit
    for reference in (
        pb.Commit(branch=branch(repo)),
        pb.Commit(branch=branch(repo, ""), id=commit.id),
        pb.Commit(repo=repo, id="master"),
    ):
        assert client.pfs.InspectCommit(pb.InspectCommitRequest(commit=reference)).commit == commit


def test_commits_newest_first_and_between_two(client, repo) -> None:
    ids = [finish(client, start(client, repo)).commit.id for _ in range(3)]
    listed = [info.commit.id for info in client.pfs.ListCommit(pb.ListCommitRequest(repo=repo))]
    assert listed == ids[::-1]
    between = pb.ListCommitRequest(repo=repo, to=pb.Commit(repo=repo, id=ids[2]))
    getattr(between, "from").CopyFrom(pb.Commit(repo=repo, id=ids[0]))
    assert [info.commit.id for info in client.pfs.ListCommit(between)] == [ids[2], ids[1]]
    assert len(list(client.pfs.ListCommit(pb.ListCommitRequest(repo=repo, number=2)))) == 2


def test_numbers_that_mean_nothing_are_refused(client, repo) -> None:
    start(client, repo)
    with pytest.raises(InvalidError, match="wait is 9, which is no CommitState"):
        client.pfs.InspectCommit(pb.InspectCommitRequest(commit=head(repo), wait=9))
    with pytest.raises(InvalidError, match="origin_kind is 9, which is no OriginKind"):
        list(client.pfs.ListCommit(pb.ListCommitRequest(repo=repo, origin_kind=9)))
    with pytest.raises(UnimplementedError, match="started_time"):
        list(client.pfs.ListCommit(pb.ListCommitRequest(repo=repo, started_time={"seconds": 1})))


def test_branches(client, repo) -> None:
    one = finish(client, start(client, repo)).commit
    client.pfs.CreateBranch(pb.CreateBranchRequest(branch=branch(repo, "v1"), head=one))
    info = client.pfs.InspectBranch(pb.InspectBranchRequest(branch=branch(repo, "v1")))
    assert (info.branch.name, info.head) == ("v1", one)
    names = {info.branch.name for info in client.pfs.ListBranch(pb.ListBranchRequest(repo=repo))}
    assert names == {"master", "v1"}
    client.pfs.DeleteBranch(pb.DeleteBranchRequest(branch=branch(repo, "v1")))
    with pytest.raises(NotFoundError):
        client.pfs.InspectBranch(pb.InspectBranchRequest(branch=branch(repo, "v1")))


def test_a_trigger_that_would_never_fire_is_refused(client, repo) -> None:
    request = pb.CreateBranchRequest(branch=branch(repo, "prod"), trigger=pb.Trigger(branch="master", commits=2))
    with pytest.raises(UnimplementedError, match="triggers are not served yet"):
        client.pfs.CreateBranch(request)
    assert not list(client.pfs.ListBranch(pb.ListBranchRequest(repo=repo)))


def test_a_change_upstream_makes_commits_of_one_set(client, repo) -> None:
    client.pfs.CreateRepo(pb.CreateRepoRequest(repo={"name": "edges"}))
    edges = client.pfs.InspectRepo(pb.InspectRepoRequest(repo={"name": "edges"})).repo
    client.pfs.CreateBranch(pb.CreateBranchRequest(branch=branch(edges), provenance=[branch(repo)]))
    commit = start(client, repo)
    infos = list(client.pfs.InspectCommitSet(pb.InspectCommitSetRequest(commit_set={"id": commit.id})))
    assert {info.commit.repo.name for info in infos} == {"images", "edges"}
    sets = list(client.pfs.ListCommitSet(pb.ListCommitSetRequest()))
    assert sets[0].commit_set.id == commit.id


def test_waiting_for_a_commit_ends_when_it_has_finished(client, repo, background) -> None:
    commit = start(client, repo)
    answers = []
    request = pb.InspectCommitRequest(commit=commit, wait=pb.FINISHED)
    waiter = background(lambda: answers.append(client.pfs.InspectCommit(request)))
    client.pfs.FinishCommit(pb.FinishCommitRequest(commit=commit))
    waiter.join(60)
    assert answers[0].HasField("finished")


def test_a_subscription_tells_old_and_new_commits_until_the_client_leaves(client, repo) -> None:
    one = finish(client, start(client, repo)).commit
    answers = client.pfs.SubscribeCommit(pb.SubscribeCommitRequest(repo=repo, branch="master", state=pb.FINISHED))
    assert next(answers).commit == one
    two = finish(client, start(client, repo)).commit
    assert next(answers).commit == two
    answers.cancel()
    assert list(answers) == []


def test_delete_all(client, repo) -> None:
    client.pfs.DeleteAll(Empty())
    assert list(client.pfs.ListRepo(pb.ListRepoRequest())) == []
