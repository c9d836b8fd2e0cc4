"""`put file -r` of many files of 1 KB, against `restic backup` of the same folder: both hash, pack and sync."""

from __future__ import annotations

import os
import random
import subprocess
from pathlib import Path

from benchmarks.harness import Measurement, installed, server, stopwatch, workspace

WORDS = [f"word{number}" for number in range(2000)]


def fill(folder: Path, files: int) -> None:
    """Write `files` text files of about 1 KB, all different, a hundred to a folder."""
    chance = random.Random(files)
    for number in range(files):
        if number % 100 == 0:
            (folder / f"{number // 100:04}").mkdir(parents=True)
        text = f"{number} " + " ".join(chance.choices(WORDS, k=140))
        (folder / f"{number // 100:04}" / f"{number:06}.txt").write_text(text)


def restic(repository: Path, *words: str) -> None:
    """Run restic on a repository of its own."""
    environment = {**os.environ, "RESTIC_REPOSITORY": str(repository), "RESTIC_PASSWORD": "bench"}
    subprocess.run(["restic", "--quiet", "--no-cache", *words], env=environment, check=True, capture_output=True)


def measure(quick: bool) -> Measurement:
    """Put and back up the same folder in turn, each time into a fresh server and a fresh repository."""
    files, runs = 10_000, 3 if quick else 7
    result = Measurement(f"put file -r of {files} files of 1 KB", "restic backup", "2")
    with workspace() as folder:
        fill(folder / "in", files)
        for run in range(runs):
            with server(folder / f"pachd{run}") as pachctl:
                pachctl("create", "repo", "data")
                put = ["put", "file", "-r", "data@master:/", "-f", str(folder / "in")]
                result.ours.append(stopwatch(lambda put=put, pachctl=pachctl: pachctl(*put)))
            if installed("restic"):
                repository = folder / f"restic{run}"
                restic(repository, "init")
                result.theirs.append(stopwatch(lambda at=repository: restic(at, "backup", str(folder / "in"))))
        result.notes.append("both start a program, read, hash, compress, pack and sync; ours also goes through gRPC")
    return result
