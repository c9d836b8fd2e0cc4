"""The walk of pachyderm-sdk 2.12.2, unmodified: repos to deletion. Usage: python sdk.py HOST PORT FOLDER"""

import sys
import tempfile
from pathlib import Path

from grpc import RpcError
from pachyderm_sdk import Client
from pachyderm_sdk.api import pfs, pps
from pachyderm_sdk.errors import AuthServiceNotActivated

host, port, folder = sys.argv[1], int(sys.argv[2]), Path(sys.argv[3])
client = Client(host=host, port=port)


def step(text: str) -> None:
    print(text, flush=True)


step("version and cluster")
assert client.get_version().major == 2
cluster = client.admin.inspect_cluster()
assert cluster.id and cluster.deployment_id
try:
    client.auth.who_am_i()
    raise AssertionError("auth is off")
except AuthServiceNotActivated as error:
    assert str(error) == "the auth service is not activated", error

step("projects and repos")
client.pfs.create_project(project=pfs.Project(name="sdk"), description="a walk")
assert client.pfs.project_exists(pfs.Project(name="sdk"))
assert not client.pfs.project_exists(pfs.Project(name="nowhere"))
assert "sdk" in {info.project.name for info in client.pfs.list_project()}
repo = pfs.Repo(name="data", type="user", project=pfs.Project(name="sdk"))
client.pfs.create_repo(repo=repo, description="first")
assert client.pfs.repo_exists(repo)
assert not client.pfs.repo_exists(pfs.Repo(name="none", type="user", project=pfs.Project(name="sdk")))
try:
    client.pfs.create_repo(repo=repo)
    raise AssertionError("created twice")
except RpcError as error:
    assert "already exists" in error.details(), error.details()
client.pfs.create_repo(repo=repo, description="second", update=True)
assert client.pfs.inspect_repo(repo=repo).description == "second"
assert [info.repo.name for info in client.pfs.list_repo(type="user", projects=[pfs.Project(name="sdk")])] == ["data"]

step("commits by context manager; put in every form")
master = pfs.Branch(name="master", repo=repo)
local = folder / "local"
(local / "sub").mkdir(parents=True)
(local / "a.txt").write_text("local a")
(local / "sub" / "b.txt").write_text("local b")
with client.pfs.commit(branch=master, description="by hand") as commit:
    file = commit.put_file_from_bytes("/greeting.txt", b"hello")
    commit.put_file_from_bytes("/greeting.txt", b" world", append=True)
    with (local / "a.txt").open("rb") as source:
        commit.put_file_from_file(path="/from/file.txt", file=source)
    commit.put_files(source=local, path="/tree")
    commit.put_file_from_bytes("/gone.txt", b"x")
    commit.delete_file(path="/gone.txt")
    assert client.pfs.path_exists(pfs.File(commit=pfs.Commit(repo=repo, id=commit.id), path="/greeting.txt"))
info = commit.wait()
assert info.finished and info.commit.id == commit.id and info.description == "by hand"
assert info.details.size_bytes == len(b"hello world") + 3 * len(b"local a")
assert client.pfs.commit_exists(pfs.Commit(repo=repo, id=commit.id))
assert client.pfs.branch_exists(master)

step("get in every form")
at = pfs.Commit(branch=master, repo=repo)
with client.pfs.pfs_file(file=pfs.File(commit=at, path="/greeting.txt")) as stream:
    assert stream.read() == b"hello world"
with client.pfs.pfs_file(file=pfs.File(commit=pfs.Commit(repo=repo, id=commit.id), path="/tree/sub/b.txt")) as stream:
    assert stream.read() == b"local b"
data = b"".join(m.value for m in client.pfs.get_file(file=pfs.File(commit=at, path="/greeting.txt"), offset=6))
assert data == b"world"
with client.pfs.pfs_tar_file(file=pfs.File(commit=at, path="/tree")) as tar, tempfile.TemporaryDirectory() as out:
    tar.extractall(out)
    assert {str(p.relative_to(out)) for p in Path(out).rglob("*") if p.is_file()} == {"tree/a.txt", "tree/sub/b.txt"}
try:
    client.pfs.pfs_file(file=pfs.File(commit=at, path="/tree/*"))
    raise AssertionError("several files")
except ValueError:
    pass
listed = [f.file.path for f in client.pfs.list_file(file=pfs.File(commit=at, path="/"))]
assert listed == ["/from/", "/greeting.txt", "/tree/"], listed
walked = [f.file.path for f in client.pfs.walk_file(file=pfs.File(commit=at, path="/tree"))]
assert walked == ["/tree/", "/tree/a.txt", "/tree/sub/", "/tree/sub/b.txt"], walked
globbed = [f.file.path for f in client.pfs.glob_file(commit=at, pattern="/tree/**.txt")]
assert globbed == ["/tree/a.txt", "/tree/sub/b.txt"], globbed
inspected = client.pfs.inspect_file(file=pfs.File(commit=at, path="/tree/"))
assert inspected.file_type == pfs.FileType.DIR and inspected.size_bytes == 14
assert not client.pfs.path_exists(pfs.File(commit=at, path="/nothing"))

step("one-off writes, copies, large files")
client.pfs.put_file_from_bytes(commit=pfs.Commit(branch=master, repo=repo), path="/one-off.txt", data=b"1")
second = client.pfs.inspect_commit(commit=at, wait=pfs.CommitState.FINISHED)
assert second.parent_commit.id == commit.id
big = bytes(range(256)) * (100 * 1024)
with client.pfs.commit(branch=master) as third:
    third.put_file_from_bytes("/big.bin", big)
    third.copy_file(src=pfs.File(commit=pfs.Commit(repo=repo, id=commit.id), path="/tree"), dst="/copy")
third.wait()
with client.pfs.pfs_file(file=pfs.File(commit=at, path="/big.bin")) as stream:
    assert stream.read() == big
assert client.pfs.path_exists(pfs.File(commit=at, path="/copy/sub/b.txt"))
client.pfs.delete_file(commit=pfs.Commit(branch=master, repo=repo), path="/big.bin")
assert not client.pfs.path_exists(pfs.File(commit=at, path="/big.bin"))

step("commits listed, ancestry, responses without branch")
commits = list(client.pfs.list_commit(repo=repo))
assert len(commits) == 4 and commits[-1].commit.id == commit.id
assert all(c.commit.branch is None or not c.commit.branch.name for c in commits)
ancestor = client.pfs.inspect_commit(commit=pfs.Commit(branch=pfs.Branch(repo=repo, name="master^^^")))
assert ancestor.commit.id == commit.id
try:
    client.pfs.inspect_commit(commit=pfs.Commit(repo=repo, id="master^9"))
    raise AssertionError("too far")
except RpcError as error:
    assert "not found" in error.details() or "no" in error.details()
try:
    client.pfs.finish_commit(commit=pfs.Commit(repo=repo, id=commit.id))
    raise AssertionError("finished twice")
except RpcError as error:
    assert "has already finished" in error.details(), error.details()

step("branches and provenance")
other = pfs.Repo(name="derived", type="user", project=pfs.Project(name="sdk"))
client.pfs.create_repo(repo=other)
derived = pfs.Branch(repo=other, name="master")
client.pfs.create_branch(branch=derived, provenance=[master])
assert client.pfs.inspect_branch(branch=derived).direct_provenance[0].repo.name == "data"
assert client.pfs.inspect_branch(branch=master).subvenance[0].repo.name == "derived"
client.pfs.create_branch(branch=pfs.Branch(repo=repo, name="old"), head=pfs.Commit(repo=repo, id=commit.id))
assert client.pfs.inspect_branch(branch=pfs.Branch(repo=repo, name="old")).head.id == commit.id
assert {b.branch.name for b in client.pfs.list_branch(repo=repo)} == {"master", "old"}
client.pfs.delete_branch(branch=pfs.Branch(repo=repo, name="old"))
assert not client.pfs.branch_exists(pfs.Branch(repo=repo, name="old"))
try:
    client.pfs.delete_repo(repo=repo)
    raise AssertionError("has subvenance")
except RpcError:
    pass

client.pfs.delete_branch(branch=derived)

step("pipelines, jobs, datums, logs")
pipeline = pps.Pipeline(name="lines", project=pfs.Project(name="sdk"))
client.pps.create_pipeline(
    pipeline=pipeline,
    transform=pps.Transform(
        image="debian:12-slim",
        cmd=["sh"],
        stdin=["for f in /pfs/data/*.txt; do wc -c < $f > /pfs/out/$(basename $f); echo counted $f; done"],
    ),
    input=pps.Input(pfs=pps.PfsInput(project="sdk", repo="data", glob="/*.txt")),
)
assert client.pps.pipeline_exists(pipeline)
assert not client.pps.pipeline_exists(pps.Pipeline(name="none", project=pfs.Project(name="sdk")))
described = client.pps.inspect_pipeline(pipeline=pipeline, details=True)
assert described.details.transform.cmd == ["sh"] and described.version == 1
assert not client.pps.inspect_pipeline(pipeline=pipeline).details
out = pfs.Repo(name="lines", type="user", project=pfs.Project(name="sdk"))
head = client.pfs.inspect_commit(commit=pfs.Commit(branch=pfs.Branch(repo=out, name="master")))
job = client.pps.inspect_job(job=pps.Job(pipeline=pipeline, id=head.commit.id), wait=True, details=True)
assert job.state == pps.JobState.JOB_SUCCESS, (job.state, job.reason)
assert client.pps.job_exists(pps.Job(pipeline=pipeline, id=head.commit.id))
assert job.data_processed == 2 and job.data_total == 2, job
datums = list(client.pps.list_datum(job=job.job))
assert len(datums) == 2 and all(d.state == pps.DatumState.SUCCESS for d in datums)
one = client.pps.inspect_datum(datum=datums[0].datum)
assert one.datum.id == datums[0].datum.id and one.data[0].file.path in ("/greeting.txt", "/one-off.txt")
with client.pfs.pfs_file(
    file=pfs.File(commit=pfs.Commit(branch=pfs.Branch(repo=out, name="master")), path="/greeting.txt")
) as f:
    assert f.read().strip() == b"11"
lines = [m.message for m in client.pps.get_logs(job=job.job) if m.user]
assert sorted(line.strip() for line in lines) == ["counted /pfs/data/greeting.txt", "counted /pfs/data/one-off.txt"], (
    lines
)
assert [j.job.id for j in client.pps.list_job(pipeline=pipeline)] == [head.commit.id]
sets = list(client.pps.list_job_set())
assert head.commit.id in {s.job_set.id for s in sets}
assert [i.pipeline.name for i in client.pps.list_pipeline(projects=[pfs.Project(name="sdk")])] == ["lines"]
before = client.pfs.inspect_commit(commit=at).commit.id
with client.pfs.commit(branch=master) as more:
    more.put_file_from_bytes("/third.txt", b"abc")
    subscribed = client.pps.subscribe_job(pipeline=pipeline, details=True)  # sends what has not ended
    assert next(iter(subscribed)).job.id == more.id
infos = more.wait_all()
assert {i.commit.repo.name for i in infos} >= {"data", "lines"}, infos
job = client.pps.inspect_job(job=pps.Job(pipeline=pipeline, id=more.id), wait=True)
assert (job.data_processed, job.data_skipped) == (1, 2), job
client.pps.stop_pipeline(pipeline=pipeline)
assert client.pps.inspect_pipeline(pipeline=pipeline).stopped
client.pps.start_pipeline(pipeline=pipeline)
assert not client.pps.inspect_pipeline(pipeline=pipeline).stopped

step("transactions")
with client.transaction.transaction() as transaction:
    client.pfs.create_repo(repo=pfs.Repo(name="t1", type="user", project=pfs.Project(name="sdk")))
    client.pfs.create_repo(repo=pfs.Repo(name="t2", type="user", project=pfs.Project(name="sdk")))
    assert len(client.transaction.inspect_transaction(transaction=transaction).requests) == 2
    started = client.pfs.start_commit(
        branch=pfs.Branch(name="master", repo=pfs.Repo(name="t1", type="user", project=pfs.Project(name="sdk")))
    )
    also = client.pfs.start_commit(
        branch=pfs.Branch(name="master", repo=pfs.Repo(name="t2", type="user", project=pfs.Project(name="sdk")))
    )
    assert started.id == also.id
assert client.pfs.inspect_commit(commit=started).commit.id == started.id
try:
    with client.transaction.transaction():
        client.pfs.create_repo(repo=pfs.Repo(name="t3", type="user", project=pfs.Project(name="sdk")))
        raise KeyError("change of mind")
except KeyError:
    pass
assert not client.pfs.repo_exists(pfs.Repo(name="t3", type="user", project=pfs.Project(name="sdk")))
client.pfs.finish_commit(commit=started)
client.pfs.finish_commit(commit=also)
assert len(list(client.pfs.inspect_commit_set(commit_set=pfs.CommitSet(id=started.id), wait=True))) == 2

step("delete")
client.pps.delete_pipeline(pipeline=pipeline)
assert not client.pps.pipeline_exists(pipeline)
client.pps.delete_pipeline(pipeline=pipeline)
assert not client.pfs.repo_exists(out)
client.pfs.delete_repo(repo=other)
client.pfs.delete_repo(repo=repo)
assert not client.pfs.repo_exists(repo)
client.pfs.delete_repo(repo=repo)
client.pfs.delete_project(project=pfs.Project(name="sdk"), force=True)
assert not client.pfs.project_exists(pfs.Project(name="sdk"))
step("done")
