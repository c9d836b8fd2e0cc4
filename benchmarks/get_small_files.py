"""`get file -r` of many files of 1 KB, against `restic restore` of the same: both look up, verify and write each."""

from __future__ import annotations

import shutil

from benchmarks.harness import Measurement, installed, server, stopwatch, workspace
from benchmarks.put_small_files import fill, restic


def measure(quick: bool) -> Measurement:
    """Get and restore the same files in turn, each time into a folder that is not there."""
    files, runs = 10_000, 3 if quick else 7
    result = Measurement(f"get file -r of {files} files of 1 KB", "restic restore", "1")
    with workspace() as folder, server(folder) as pachctl:
        fill(folder / "in", files)
        pachctl("create", "repo", "data")
        pachctl("put", "file", "-r", "data@master:/", "-f", str(folder / "in"))
        if peer := installed("restic"):
            restic(folder / "restic", "init")
            restic(folder / "restic", "backup", str(folder / "in"))
        for _ in range(runs):
            ours, theirs = str(folder / "ours"), str(folder / "theirs")
            result.ours.append(stopwatch(lambda to=ours: pachctl("get", "file", "-r", "data@master:/", "-o", to)))
            shutil.rmtree(ours)
            if peer:
                result.theirs.append(
                    stopwatch(lambda to=theirs: restic(folder / "restic", "restore", "latest", "--target", to))
                )
                shutil.rmtree(theirs)
    return result
