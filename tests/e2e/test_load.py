"""Many waiting clients and large files cost the server little: what it promises about threads and memory."""

from __future__ import annotations

import re
import subprocess
import sys
import threading
from pathlib import Path

import grpc
import pytest
from e2e.support import Pachctl, Pachd, counts, run, spec

from hathi.wire.gen import pfs_pb2, pfs_pb2_grpc, pps_pb2, pps_pb2_grpc

pytestmark = pytest.mark.e2e


def test_200_waiting_calls_do_not_stop_a_put_or_a_job(own_pachd: Pachd, own_pachctl: Pachctl) -> None:
    """Subscribers, log followers and waiters in equal shares; every one of them sees what it waits for."""
    pachctl = own_pachctl
    pachctl("create", "repo", "data")
    pachctl("create", "pipeline", text=spec("p", "data", "echo seen; cp /pfs/data/* /pfs/out/"))
    pachctl("create", "repo", "open")
    commit = pachctl("start", "commit", "open@master").strip()
    project = pfs_pb2.Project(name="default")
    data = pfs_pb2.Repo(name="data", type="user", project=project)
    seen: list[str] = []
    done = threading.Condition()

    def note(kind: str) -> None:
        with done:
            seen.append(kind)
            done.notify_all()

    with grpc.insecure_channel(f"127.0.0.1:{own_pachd.port}") as channel:
        pfs, pps = pfs_pb2_grpc.APIStub(channel), pps_pb2_grpc.APIStub(channel)

        def subscribe() -> None:
            request = pfs_pb2.SubscribeCommitRequest(repo=data, branch="master", state=pfs_pb2.CommitState.FINISHED)
            for info in pfs.SubscribeCommit(request):
                if info.details.size_bytes:
                    note("subscriber")
                    return

        def follow() -> None:
            pipeline = pps_pb2.Pipeline(name="p", project=project)
            for message in pps.GetLogs(pps_pb2.GetLogsRequest(pipeline=pipeline, follow=True)):
                if message.user and "seen" in message.message:
                    note("follower")
                    return

        def wait() -> None:
            opened = pfs_pb2.Commit(repo=pfs_pb2.Repo(name="open", type="user", project=project), id=commit)
            pfs.InspectCommit(pfs_pb2.InspectCommitRequest(commit=opened, wait=pfs_pb2.CommitState.FINISHED))
            note("waiter")

        calls = [subscribe] * 67 + [follow] * 67 + [wait] * 66
        threads = [threading.Thread(target=call, daemon=True) for call in calls]
        for thread in threads:
            thread.start()
        pachctl("put", "file", "data@master:/a", text="a")
        assert counts(run(pachctl, "p")) == (1, 0, 1)
        pachctl("finish", "commit", f"open@{commit}")
        with done:
            assert done.wait_for(lambda: len(seen) == 200, 60), {kind: seen.count(kind) for kind in set(seen)}


def peak_memory(process: int) -> int:
    """Return the most resident memory a process ever had, in bytes."""
    found = re.search(r"VmHWM:\s+(\d+) kB", Path(f"/proc/{process}/status").read_text())
    assert found
    return int(found.group(1)) * 1024


def test_the_server_stays_small_while_2_gib_are_put(own_pachd: Pachd, own_pachctl: Pachctl) -> None:
    own_pachctl("create", "repo", "data")
    source = (
        "import os, sys; block = os.urandom(1 << 20)\n"
        "for n in range(2048): sys.stdout.buffer.write(n.to_bytes(8, 'big') + block[8:])"
    )
    with subprocess.Popen([sys.executable, "-c", source], stdout=subprocess.PIPE) as producer:
        put = subprocess.run(
            [str(Path(sys.executable).parent / "pachctl"), "put", "file", "data@master:/big"],
            stdin=producer.stdout,
            env=own_pachctl.environment,
            capture_output=True,
        )
    assert put.returncode == 0, put.stderr.decode()
    file = own_pachctl.json("inspect", "file", "data@master:/big")[0]
    assert int(file["size_bytes"]) == 2 << 30
    assert peak_memory(own_pachd.pid) < 300 << 20
