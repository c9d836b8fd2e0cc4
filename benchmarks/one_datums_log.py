"""The log of one datum out of a pipeline's million lines.

Measured at `Logs`, which `pachctl logs --datum` ends at: what a call and a start of `pachctl` cost is in other
measurements. The peer reads all lines, as plain text.
"""

from __future__ import annotations

import hashlib
import subprocess
from datetime import UTC, datetime, timedelta
from pathlib import Path

from benchmarks.harness import Measurement, stopwatch, workspace
from hathi.metadata.feed import Feed
from hathi.model.pps import LogMessage
from hathi.model.references import Pipeline
from hathi.pipelines.logs import LogFilter, Logs
from hathi.storage.segments import SegmentLog

PIPELINE = Pipeline("default", "p")
BEGIN = datetime(2026, 1, 1, tzinfo=UTC)
OF_A_DATUM = 10
OF_A_JOB = 10_000


def measure(quick: bool) -> Measurement:
    """Time reading the ten lines of a datum from the middle, then `grep` for them."""
    lines, runs = (200_000, 15) if quick else (1_000_000, 40)
    result = Measurement(f"one datum's log among {lines:,} lines", "grep", "< 0.05 s")
    with workspace() as folder:
        segments = SegmentLog(folder / "logs")
        logs = Logs(segments, Feed())
        plain = folder / "plain"
        with plain.open("w") as text:
            for first in range(0, lines, OF_A_DATUM):
                batch = [_line(number) for number in range(first, first + OF_A_DATUM)]
                logs.append(PIPELINE, batch)
                text.writelines(f"{line.time} {line.job} {line.datum} {line.message}\n" for line in batch)
        segments.close()
        wanted = _line(lines // 2)
        for _ in range(runs):
            result.ours.append(stopwatch(lambda: _read(logs, wanted)))
            result.theirs.append(stopwatch(lambda: _grep(wanted.datum, plain)))
        segments.close()
    return result


def _line(number: int) -> LogMessage:
    datum = hashlib.sha256(f"{number // OF_A_DATUM}".encode()).hexdigest()
    time = BEGIN + timedelta(milliseconds=number)
    text = f"line {number} of what a program says"
    return LogMessage(time, text, "default", "p", f"{number // OF_A_JOB:032x}", datum, "worker", 1, user=True)


def _read(logs: Logs, wanted: LogMessage) -> None:
    found = list(logs.get(LogFilter(PIPELINE, job=wanted.job, datum=wanted.datum)))
    if len(found) != OF_A_DATUM:
        raise RuntimeError(f"{len(found)} lines were found instead of {OF_A_DATUM}")


def _grep(text: str, path: Path) -> None:
    subprocess.run(["grep", text, path], check=True, stdout=subprocess.DEVNULL)
