"""One large file put and got, against the limits: hashing it once, and copying it with a sync."""

from __future__ import annotations

import os
import subprocess

from benchmarks.harness import Measurement, server, stopwatch, workspace


def measure(quick: bool) -> Measurement:
    """Put a file of random bytes; the peer copies it and syncs, which neither cuts nor hashes."""
    mebibytes, runs = (512, 3) if quick else (2048, 3)
    result = Measurement(f"put file of {mebibytes} MiB", "cp and sync", "as low as it gets")
    with workspace() as folder, server(folder) as pachctl:
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
            got = stopwatch(lambda run=run: pachctl("get", "file", f"data@master:/f{run}", "-o", str(folder / "got")))
            result.notes.append(f"get: {got:.3f} s")
            (folder / "got").unlink()
    return result
