"""One file added to a pipeline of many datums: from the put to the finished job.

Users wait for seconds and not for a ratio, so both are told. Measured within one process, over one connection: what
starting `pachctl` costs says nothing about the server. What bounds it from below is a copy of the file made durable and
the command run once, by a program that knows which file is new and keeps nothing.
"""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

from benchmarks.harness import Measurement, server, stopwatch, workspace
from benchmarks.many_datums import COMMAND
from hathi.wire.client import Client
from hathi.wire.gen import hathi_pb2, pfs_pb2, pps_pb2


def measure(quick: bool) -> Measurement:
    """Time one put on a branch and the wait for the job it causes; then the file copied, synced and counted."""
    datums, runs = (2000, 15) if quick else (2000, 40)
    result = Measurement(f"one file added to {datums} datums, put to finished job", "cp, sync and the command", "< 1 s")
    with workspace() as folder, server(folder) as pachctl, Client(pachctl.environment["PACHD_ADDRESS"]) as client:
        (folder / "in").mkdir()
        for number in range(datums):
            (folder / "in" / f"{number:05}").write_text(f"{number} words\n")
        pachctl("create", "repo", "data")
        pachctl("put", "file", "-r", "data@master:/", "-f", str(folder / "in"))
        spec = {
            "pipeline": {"name": "p"},
            "transform": {"cmd": ["sh", "-c", COMMAND]},
            "parallelism_spec": {"constant": 2},
            "input": {"pfs": {"repo": "data", "glob": "/*"}},
        }
        pachctl("create", "pipeline", text=json.dumps(spec))
        pachctl("wait", "job", f"p@{pachctl.head('p@master')}")
        for run in range(runs):
            result.ours.append(stopwatch(lambda run=run: _add(client, f"/new{run}", b"one more\n")))
            result.theirs.append(stopwatch(lambda: _by_hand(folder)))
    result.notes.append(
        "ours also plans, isolates, hashes, logs, indexes and versions; the peer syncs once, we several times"
    )
    return result


def _add(client: Client, path: str, data: bytes) -> None:
    """Put a file on the branch and wait for its job, which bears the commit's id."""
    operation = hathi_pb2.FileOp(path=path, data=data)
    request = hathi_pb2.PutRequest(
        commit=hathi_pb2.CommitRef(repo="data", branch="master"), ops=[operation], complete=True
    )
    commit = client.files.Put(iter([request])).commit
    pipeline = pps_pb2.Pipeline(project=pfs_pb2.Project(name="default"), name="p")
    info = client.pps.InspectJob(pps_pb2.InspectJobRequest(job=pps_pb2.Job(pipeline=pipeline, id=commit), wait=True))
    if info.state != pps_pb2.JOB_SUCCESS or info.data_processed != 1:
        raise RuntimeError(f"job {commit} ended otherwise than expected: {info}")


def _by_hand(folder: Path) -> None:
    script = f"cp {folder}/in/00000 {folder}/new && sync {folder}/new && wc -w < {folder}/new > {folder}/count"
    subprocess.run(["sh", "-c", script], check=True)
