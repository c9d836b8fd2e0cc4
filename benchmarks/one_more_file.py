"""One file added to a pipeline of many datums: commit to finished job, against running the command once."""

from __future__ import annotations

import json
import subprocess

from benchmarks.harness import Measurement, server, stopwatch, workspace
from benchmarks.many_datums import COMMAND


def measure(quick: bool) -> Measurement:
    """Time `put file` of one file and `wait job` of the job it causes; both commands' start included."""
    datums, runs = (2000, 7) if quick else (2000, 15)
    result = Measurement(f"one file added to {datums} datums, commit to finished job", "the command alone", "under 1 s")
    with workspace() as folder, server(folder) as pachctl:
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
        start = min(stopwatch(lambda: pachctl("version")) for _ in range(5))
        for run in range(runs):

            def add(run: int = run) -> None:
                pachctl("put", "file", f"data@master:/new{run}", text="one more\n")
                pachctl("wait", "job", f"p@{pachctl.head('p@master')}")

            result.ours.append(stopwatch(add) - 3 * start)
            alone = ["sh", "-c", f"wc -w < {folder}/in/00000 > {folder}/alone"]
            result.theirs.append(stopwatch(lambda alone=alone: subprocess.run(alone, check=True)))
    result.notes.append(f"three starts of pachctl, {start:.3f} s each (one `pachctl version`), are taken off ours")
    return result
