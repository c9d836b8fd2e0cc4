"""2,000 streams on which clients send nothing: how long a health check and a short call take meanwhile.

The streams are uploads, half of them with one message, and subscriptions, of another process over 20 connections. The
server keeps as many as it admits and ends the rest at once.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from benchmarks.harness import Measurement, serving, stopwatch, workspace
from hathi.wire.client import Client
from hathi.wire.gen import health_pb2, health_pb2_grpc, pfs_pb2

STREAMS, CONNECTIONS = 2000, 20

_IDLE = """
import sys, threading, grpc
from hathi.wire.gen import pfs_pb2, pfs_pb2_grpc
address, streams, connections = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
repo = pfs_pb2.Repo(name="data", type="user", project=pfs_pb2.Project(name="default"))
commit = pfs_pb2.Commit(repo=repo, branch=pfs_pb2.Branch(repo=repo, name="master"))
over = threading.Event()
def requests(*first):
    yield from first
    over.wait()
calls = []
for number in range(connections):
    stub = pfs_pb2_grpc.APIStub(grpc.insecure_channel(address, (("grpc.use_local_subchannel_pool", 1),)))
    for each in range(streams // connections):
        if each % 3 == 2:
            calls.append(stub.SubscribeCommit(pfs_pb2.SubscribeCommitRequest(repo=repo)))
        else:
            first = [pfs_pb2.ModifyFileRequest(set_commit=commit)] * (each % 3)
            calls.append(stub.ModifyFile.future(requests(*first)))
threading.Event().wait(3)
print(sum(call.is_active() if hasattr(call, "is_active") else not call.done() for call in calls), flush=True)
sys.stdin.read()
import os
os._exit(0)
"""


def measure(quick: bool) -> Measurement:
    """Time health checks, and inspections of a repo, before and while the streams are open."""
    runs = 50 if quick else 200
    result = Measurement(f"a health check with {STREAMS} idle streams opened", "without them", "< 0.1 s")
    with workspace() as folder, serving(folder) as (pachd, pachctl), Client(pachd.address) as client:
        pachctl("create", "repo", "data")
        health = health_pb2_grpc.HealthStub(client._channel)
        repo = pfs_pb2.Repo(name="data", type="user", project=pfs_pb2.Project(name="default"))

        def check() -> object:
            return health.Check(health_pb2.HealthCheckRequest())

        def inspect() -> object:
            return client.pfs.InspectRepo(pfs_pb2.InspectRepoRequest(repo=repo))

        result.theirs += [stopwatch(check) for _ in range(runs)]
        command = [sys.executable, "-c", _IDLE, f"127.0.0.1:{pachd.port}", str(STREAMS), str(CONNECTIONS)]
        source = str(Path(__file__).parent.parent / "src")
        with subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env={"PYTHONPATH": source}
        ) as idle:
            opening = [stopwatch(check) for _ in range(runs)]
            assert idle.stdout is not None
            assert idle.stdin is not None
            kept = idle.stdout.readline().strip()
            result.ours += [stopwatch(check) for _ in range(runs)]
            short = [stopwatch(inspect) for _ in range(runs)]
            put = stopwatch(lambda: pachctl("put", "file", "data@master:/a", text="a"))
            idle.stdin.close()
    result.notes += [
        f"the server kept {kept} of them open and ended the others",
        f"while they were being opened a check took at most {max(opening):.3f} s",
        f"inspect repo took at most {max(short):.3f} s, and one put by pachctl {put:.3f} s",
    ]
    return result
