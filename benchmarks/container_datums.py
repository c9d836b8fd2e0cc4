"""A pipeline of many one-command datums in two containers, against `xargs -P2` on the host and `docker exec` for each.

The containers are there before the clock starts: a pipeline's workers start with it. The clock runs from the moment
when the input's branch is moved until a client knows that the job has ended.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
from collections.abc import Sequence

from e2e.containers.support import Images, contained, engine_or_skip, state, until
from e2e.support import Pachctl

from benchmarks.harness import Measurement, serving, stopwatch, workspace

COMMAND = "for f in /pfs/data/*; do wc -w < $f > /pfs/out/${f##*/}; done"
DATUMS = 2000
EXECS = 60  # datums for `docker exec`, which is scaled up


def measure(quick: bool) -> Measurement:
    """Take each in turn, in one run."""
    result = Measurement(f"{DATUMS} one-command datums in 2 containers", "xargs -P2", "3")
    images = Images(engine_or_skip(), f"localhost/hathi-bench-{os.getpid()}")
    starts: list[float] = []
    execs: list[float] = []
    with workspace() as folder, serving(folder, "--runtime", "docker") as (_, pachctl):
        image = images.busybox("busybox:1", bin__wc=b"->/bin/busybox")
        (folder / "in").mkdir()
        (folder / "out").mkdir()
        for number in range(DATUMS):
            (folder / "in" / f"{number:05}").write_text(f"{number} words in this file\n" * 20)
        paths = [str(path) for path in sorted((folder / "in").iterdir())]
        on_host = f"wc -w < $0 > {folder}/out/${{0##*/}}"
        pachctl("create", "repo", "data")
        pachctl("put", "file", "-r", "data@all:/", "-f", str(folder / "in"))
        for run in range(3 if quick else 7):
            pipeline = _Pipeline(pachctl, f"p{run}", f"b{run}", image)
            starts.append(stopwatch(pipeline.start))
            result.ours.append(stopwatch(pipeline.job))
            result.theirs.append(stopwatch(lambda: _xargs(["sh", "-c", on_host], paths)))
            execs.append(stopwatch(lambda pipeline=pipeline: _execs(images, pipeline.name, paths)) * DATUMS / EXECS)
            pachctl("delete", "pipeline", pipeline.name)
    images.remove()
    times = statistics.median(theirs / ours for theirs, ours in zip(execs, result.ours, strict=True))
    result.notes += [
        f"containers and workers started in {min(starts):.1f} to {max(starts):.1f} s, not counted above",
        f"docker exec for each, by xargs -P2, would take {min(execs):.0f} to {max(execs):.0f} s "
        f"(from {EXECS}): {times:.0f} times ours, as the median of the pairs   (aim: 15)",
        "ours isolates each datum, stores and indexes every output, and keeps them for the next job",
    ]
    return result


class _Pipeline:
    """A pipeline whose input is on a branch of its own, which has no commit until the job is to run."""

    def __init__(self, pachctl: Pachctl, name: str, branch: str, image: str) -> None:
        self.name = name
        self._pachctl = pachctl
        self._branch = branch
        spec = json.loads(contained(name, "data", image, "sh", "-c", COMMAND, parallelism_spec={"constant": 2}))
        spec["input"]["pfs"]["branch"] = branch
        self._spec = json.dumps(spec)

    def start(self) -> None:
        self._pachctl("create", "pipeline", text=self._spec)
        until(lambda: state(self._pachctl, self.name)[0] == "RUNNING")

    def job(self) -> None:
        self._pachctl("create", "branch", f"data@{self._branch}", "--head", "data@all")
        self._pachctl("wait", "job", f"{self.name}@{self._pachctl.head(f'{self.name}@master')}")


def _xargs(command: Sequence[str], arguments: Sequence[str]) -> None:
    subprocess.run(["xargs", "-P2", "-n1", *command], input="\n".join(arguments), text=True, check=True)


def _execs(images: Images, pipeline: str, paths: Sequence[str]) -> None:
    """Run a command by `docker exec` in one of the pipeline's containers, without staging or collecting anything."""
    found = images.client.containers(filters={"label": f"hathi.group=default/{pipeline}/v1"})
    _xargs(["docker", "exec", found[0]["Id"], "sh", "-c", "echo $0 | wc -w > /tmp/${0##*/}"], paths[:EXECS])
