"""A pipeline of many one-command datums with two workers, against `xargs -P2` running the same command on the files."""

from __future__ import annotations

import json
import subprocess

from benchmarks.harness import Measurement, server, stopwatch, workspace

COMMAND = "for f in /pfs/data/*; do wc -w < $f > /pfs/out/${f##*/}; done"


def measure(quick: bool) -> Measurement:
    """Time from `create pipeline` to the end of its job, workers' start included; `xargs` is timed in the same run."""
    datums = 2000
    result = Measurement(f"{datums} one-command datums with 2 workers", "xargs -P2", "2.5")
    with workspace() as folder, server(folder) as pachctl:
        (folder / "in").mkdir()
        (folder / "out").mkdir()
        for number in range(datums):
            (folder / "in" / f"{number:05}").write_text(f"{number} words in this file\n" * 20)
        pachctl("create", "repo", "data")
        pachctl("put", "file", "-r", "data@master:/", "-f", str(folder / "in"))
        for run in range(3 if quick else 7):
            spec = {
                "pipeline": {"name": f"p{run}"},
                "transform": {"cmd": ["sh", "-c", COMMAND]},
                "parallelism_spec": {"constant": 2},
                "input": {"pfs": {"repo": "data", "glob": "/*"}},
            }

            def job(spec: dict[str, object] = spec, name: str = f"p{run}") -> None:
                pachctl("create", "pipeline", text=json.dumps(spec))
                pachctl("wait", "job", f"{name}@{pachctl.head(f'{name}@master')}")

            result.ours.append(stopwatch(job))
            one = f"wc -w < $0 > {folder}/out/${{0##*/}}"
            listing = "\n".join(str(path) for path in sorted((folder / "in").iterdir()))
            xargs = ["xargs", "-P2", "-n1", "sh", "-c", one]
            result.theirs.append(
                stopwatch(
                    lambda xargs=xargs, listing=listing: subprocess.run(xargs, input=listing, text=True, check=True)
                )
            )
            pachctl("delete", "pipeline", f"p{run}")
    result.notes.append("ours isolates each datum, stores and indexes every output, and keeps them for the next job")
    return result
