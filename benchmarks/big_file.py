"""One large file put and got, against the limits: hashing it once, and copying it with a sync."""

from __future__ import annotations

import os
import statistics
import subprocess
from pathlib import Path

from benchmarks.harness import Measurement, serving, stopwatch, workspace


def measure(quick: bool) -> Measurement:
    """Put a file of random bytes; the peer copies it and syncs, which neither cuts nor hashes."""
    mebibytes, runs = (512, 3) if quick else (2048, 3)
    result = Measurement(f"put file of {mebibytes} MiB", "cp and sync", "as low as it gets")
    got: list[float] = []
    with workspace() as folder, serving(folder) as (pachd, pachctl):
        pachctl("create", "repo", "data")
        for run in range(runs):
            with (folder / "in").open("wb") as out:
                for _ in range(mebibytes):
                    out.write(os.urandom(1 << 20))
            result.ours.append(
                stopwatch(lambda run=run: pachctl("put", "file", f"data@master:/f{run}", "-f", str(folder / "in")))
            )
            copy = ["sh", "-c", f"cp {folder}/in {folder}/copy && sync {folder}/copy"]
            result.theirs.append(stopwatch(lambda copy=copy: subprocess.run(copy, check=True)))
            get = ["get", "file", f"data@master:/f{run}", "-o", str(folder / "got")]
            got.append(stopwatch(lambda get=get: pachctl(*get)))
            (folder / "got").unlink()
        result.notes.append(f"getting it back takes {statistics.median(got):.3f} s, to a file that is not synced")
        result.notes.append(f"pachd was never larger than {peak(pachd.pid) / 1e6:.0f} MB")
    return result


def peak(process: int) -> int:
    """Return the most bytes that a process has had in memory."""
    status = Path(f"/proc/{process}/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in status if line.startswith("VmHWM")) * 1024
