"""`put file -r` of many files of 1 KB, against `restic backup` of the same folder: both hash, pack, compress and sync."""

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


def restic(folder: Path, repository: Path) -> None:
    environment = {**os.environ, "RESTIC_REPOSITORY": str(repository), "RESTIC_PASSWORD": "bench"}
    command = ["restic", "backup", "--quiet", "--no-cache", str(folder)]
    subprocess.run(command, env=environment, check=True, capture_output=True)


def measure(quick: bool) -> Measurement:
    """Put and back up the same folder in turn, each time into a fresh repo or repository."""
    files, runs = (10_000, 3) if quick else (10_000, 5)
    result = Measurement(f"put file -r of {files} files of 1 KB", "restic backup", "2")
    with workspace() as folder, server(folder) as pachctl:
        fill(folder / "in", files)
        for run in range(runs + 1):
            pachctl("create", "repo", f"r{run}")
            ours = stopwatch(lambda run=run: pachctl("put", "file", "-r", f"r{run}@master:/", "-f", str(folder / "in")))
            if run:
                result.ours.append(ours)
            if installed("restic"):
                repository = folder / f"restic{run}"
                environment = {**os.environ, "RESTIC_REPOSITORY": str(repository), "RESTIC_PASSWORD": "bench"}
                subprocess.run(["restic", "init"], env=environment, check=True, capture_output=True)
                theirs = stopwatch(lambda at=repository: restic(folder / "in", at))
                if run:
                    result.theirs.append(theirs)
        result.notes.append("both start a program, read, hash, compress, pack and sync; ours also through gRPC")
        result.notes.append("the first run of each is not counted; later ones of ours find equal chunks stored already")
    return result
