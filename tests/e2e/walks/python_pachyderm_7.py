"""The walk of python-pachyderm 7.6.0, unmodified. Usage: python python_pachyderm_7.py HOST PORT FOLDER"""

import io
import sys
from pathlib import Path

import python_pachyderm
from grpc import RpcError
from python_pachyderm.pfs import Commit
from python_pachyderm.service import pfs_proto, pps_proto

host, port, folder = sys.argv[1], int(sys.argv[2]), Path(sys.argv[3])
client = python_pachyderm.Client(host=host, port=port)


def step(text: str) -> None:
    print(text, flush=True)


step("version")
assert client.get_remote_version().major == 2
assert client.inspect_cluster().id

step("repos")
client.create_repo("pp", description="first")
client.create_repo("pp", description="second", update=True)
assert client.inspect_repo("pp").description == "second"
assert "pp" in {info.repo.name for info in client.list_repo()}

step("commits; put in every form")
with client.commit("pp", "master", description="by hand") as commit:
    client.put_file_bytes(commit, "/a.txt", b"aaa")
    client.put_file_bytes(commit, "/a.txt", b"bbb", append=True)
    client.put_file_bytes(commit, "/f.txt", io.BytesIO(b"from a file object"))
    with client.modify_file_client(commit) as modify:
        (folder / "x.txt").write_text("x")
        modify.put_file_from_filepath("/x.txt", str(folder / "x.txt"))
        modify.put_file_from_bytes("/dir/y.txt", b"y")
        modify.put_file_from_fileobj("/dir/z.txt", io.BytesIO(b"z"))
        modify.delete_file("/f.txt")
client.wait_commit(commit.id)
info = client.inspect_commit(commit.id)
assert [i.commit.id for i in info] == [commit.id], info
client.put_file_bytes(("pp", "master"), "/one-off.txt", b"1")
client.copy_file(("pp", "master"), "/dir/y.txt", ("pp", "master"), "/copied.txt")
client.delete_file(("pp", "master"), "/one-off.txt")

step("get in every form")
assert client.get_file(("pp", "master"), "/a.txt").read() == b"aaabbb"
assert client.get_file(("pp", "master"), "/copied.txt").read() == b"y"
assert client.get_file(commit, "/dir/z.txt").read() == b"z"
assert [f.file.path for f in client.list_file(("pp", "master"), "/")] == ["/a.txt", "/copied.txt", "/dir/", "/x.txt"]
assert [f.file.path for f in client.walk_file(("pp", "master"), "/dir")] == ["/dir/", "/dir/y.txt", "/dir/z.txt"]
assert [f.file.path for f in client.glob_file(("pp", "master"), "/*.txt")] == ["/a.txt", "/copied.txt", "/x.txt"]
assert client.inspect_file(("pp", "master"), "/a.txt").size_bytes == 6
assert client.path_exists(("pp", "master"), "/dir/")
assert not client.path_exists(("pp", "master"), "/nothing")
tar = client.get_file_tar(("pp", "master"), "/dir")
assert "/dir/y.txt" in ["/" + name.strip("/") for name in tar.getnames()]
assert len(list(client.list_commit("pp"))) == 4

step("branches and provenance")
client.create_repo("pp-derived")
client.create_branch(
    "pp-derived",
    "master",
    provenance=[pfs_proto.Branch(repo=pfs_proto.Repo(name="pp", type="user"), name="master")],
)
assert client.inspect_branch("pp-derived", "master").direct_provenance[0].repo.name == "pp"
client.create_branch("pp", "old", head_commit=Commit(repo="pp", id=commit.id))
assert {b.branch.name for b in client.list_branch("pp")} == {"master", "old"}
client.delete_branch("pp", "old")

step("pipelines, jobs, datums, logs")
client.create_pipeline(
    "pp-lines",
    transform=pps_proto.Transform(
        image="debian:12-slim", cmd=["sh"], stdin=["for f in /pfs/pp/*; do cp $f /pfs/out/; echo saw $f; done"]
    ),
    input=pps_proto.Input(pfs=pps_proto.PFSInput(repo="pp", glob="/*.txt")),
)
pipeline = list(client.inspect_pipeline("pp-lines", details=True))[0]
assert pipeline.details.transform.cmd == ["sh"]
job_id = next(iter(client.list_job("pp-lines"))).job.id
job = list(client.inspect_job(job_id, "pp-lines", wait=True))[0]
assert job.state == pps_proto.JOB_SUCCESS, (job.state, job.reason)
assert job.data_processed == 3, job
assert len(list(client.list_datum("pp-lines", job_id))) == 3
datum = next(iter(client.list_datum("pp-lines", job_id)))
assert client.inspect_datum("pp-lines", job_id, datum.datum.id).state == pps_proto.SUCCESS
assert client.get_file(("pp-lines", "master"), "/a.txt").read() == b"aaabbb"
lines = [m.message.strip() for m in client.get_job_logs("pp-lines", job_id) if m.user]
assert sorted(lines) == ["saw /pfs/pp/a.txt", "saw /pfs/pp/copied.txt", "saw /pfs/pp/x.txt"], lines
assert [m for m in client.get_pipeline_logs("pp-lines") if m.user]
assert "pp-lines" in {p.pipeline.name for p in client.list_pipeline()}
client.stop_pipeline("pp-lines")
client.start_pipeline("pp-lines")

step("subscribe")
infos = client.subscribe_commit("pp", "master")
assert next(iter(infos)).commit.repo.name == "pp"

step("transactions")
with client.transaction() as transaction:
    client.create_repo("pp-t1")
    client.create_repo("pp-t2")
assert {"pp-t1", "pp-t2"} <= {info.repo.name for info in client.list_repo()}

step("delete")
client.delete_pipeline("pp-lines")
for repo in ("pp-derived", "pp", "pp-t1", "pp-t2"):
    client.delete_repo(repo)
assert "pp" not in {info.repo.name for info in client.list_repo()}
try:
    client.inspect_repo("pp")
    raise AssertionError("deleted")
except RpcError as error:
    assert "not found" in error.details(), error.details()
step("done")
