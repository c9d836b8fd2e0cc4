"""What years of use cost: the same operations on a new store, after a tenth of its history, and after all of it.

The history is made by `tests/aging.py`: 100,000 commits, 50,000 jobs, 1,000,000 log lines and 2,000 lives of workers
(a hundredth of that with --quick). The peer is the new store, measured in the same run; each operation is to cost at
most 1.5 times as much on the old one.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import partial
from pathlib import Path

from aging import CENTURY, Age, age, opened
from e2e.support import Pachctl, Pachd

from benchmarks.harness import Measurement, spread, stopwatch, workspace
from hathi.model.references import Pipeline, Repo
from hathi.wire.client import Client
from hathi.wire.gen import hathi_pb2, pfs_pb2, pps_pb2

P = Pipeline("default", "p")
DATA, PLAIN = Repo("default", "data"), Repo("default", "plain")
FILES = 50
RUNS = 15
SOME = 10
"""How many of a long list are asked for."""


def measure(quick: bool) -> Measurement:
    """Age one store in two steps and time each operation before, between and after."""
    whole = CENTURY.part(100) if quick else CENTURY
    steps = (Age(0, 0, 0, 0), whole.part(10), whole)
    result = Measurement(f"operations on a store with {whole.commits} commits and {whole.jobs} jobs", "new", "< 1.5")
    curve: dict[str, list[list[float]]] = {}
    with workspace() as folder:
        root = folder / "root"
        pachd = Pachd(root).start()
        _begin(Pachctl(pachd.address, folder / "config.json"), folder)
        lives = 0
        for step in steps:
            pachd.stop()
            with opened(root) as (store, logs):
                age(store, logs, P, DATA, PLAIN, step, first_life=lives)
            lives += step.lives
            starts = [stopwatch(pachd.start)]
            with Client(pachd.address) as client:
                for name, operation in _operations(client, step is steps[0]).items():
                    curve.setdefault(name, []).append(_timed(operation))
            for _ in range(2):
                pachd.stop()
                starts.append(stopwatch(pachd.start))
            curve.setdefault("start pachd", []).append(starts)
        pachd.stop()
    for name, measured in curve.items():
        new, _, old = measured
        ratio = sorted(old)[len(old) // 2] / sorted(new)[len(new) // 2]
        result.notes.append(f"{name:<28} {' '.join(spread(each) for each in measured)}   ratio {ratio:.2f}")
    result.ours = [sum(sorted(each[2])[len(each[2]) // 2] for each in curve.values())]
    result.theirs = [sum(sorted(each[0])[len(each[0]) // 2] for each in curve.values())]
    return result


def _timed(operation: Callable[[int], object]) -> list[float]:
    operation(0)
    return [stopwatch(partial(operation, run)) for run in range(1, RUNS)]


def _begin(pachctl: Pachctl, folder: Path) -> None:
    (folder / "in").mkdir()
    for number in range(FILES):
        (folder / "in" / f"{number:03}").write_text(f"first {number}\n")
    for repo in ("data", "plain"):
        pachctl("create", "repo", repo)
        pachctl("put", "file", "-r", f"{repo}@master:/", "-f", str(folder / "in"))
    spec = {
        "pipeline": {"name": "p"},
        "transform": {"cmd": ["sh", "-c", "cp /pfs/data/* /pfs/out/"]},
        "input": {"pfs": {"repo": "data", "glob": "/*"}},
    }
    pachctl("create", "pipeline", text=json.dumps(spec))
    pachctl("wait", "job", f"p@{pachctl.head('p@master')}")


def _operations(client: Client, new: bool) -> dict[str, Callable[[int], object]]:
    """Return what is timed, by name. new: the store has no old logs to read."""
    pipeline = pps_pb2.Pipeline(project=pfs_pb2.Project(name="default"), name="p")
    repo = pfs_pb2.Repo(name="data", type="user", project=pfs_pb2.Project(name="default"))

    def put(to: str, text: str) -> str:
        operation = hathi_pb2.FileOp(path="/007", data=text.encode())
        target = hathi_pb2.CommitRef(repo=to, branch="master")
        request = hathi_pb2.PutRequest(commit=target, ops=[operation], complete=True)
        return client.files.Put(iter([request])).commit

    def one_more_file(run: int) -> None:
        job = pps_pb2.Job(pipeline=pipeline, id=put("data", f"again {new} {run}\n"))
        info = client.pps.InspectJob(pps_pb2.InspectJobRequest(job=job, wait=True))
        if info.state != pps_pb2.JOB_SUCCESS:
            raise RuntimeError(f"the job ended otherwise than expected: {info}")

    def logs(run: int) -> None:
        job = pps_pb2.Job(pipeline=pipeline, id=next(iter(client.pps.ListJob(_newest(pipeline, 1)))).job.id)
        list(client.pps.GetLogs(pps_pb2.GetLogsRequest(job=job)))

    return {
        "put one file": lambda run: put("plain", f"{new} {run}\n"),
        "one more file, to its job's end": one_more_file,
        "list job -n 10": lambda run: list(client.pps.ListJob(_newest(pipeline, SOME))),
        "list commit -n 10": lambda run: list(client.pfs.ListCommit(pfs_pb2.ListCommitRequest(repo=repo, number=SOME))),
        "list repo": lambda run: list(client.pfs.ListRepo(pfs_pb2.ListRepoRequest())),
        "inspect pipeline": lambda run: client.pps.InspectPipeline(
            pps_pb2.InspectPipelineRequest(pipeline=pipeline, details=True)
        ),
        "logs of the newest job": logs,
    }


def _newest(pipeline: pps_pb2.Pipeline, number: int) -> pps_pb2.ListJobRequest:
    return pps_pb2.ListJobRequest(pipeline=pipeline, number=number, details=True)
