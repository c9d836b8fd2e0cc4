"""What every measurement needs: a server of its own, a stopwatch, and one form of report."""

from __future__ import annotations

import shutil
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from e2e.support import Pachctl, Pachd


@dataclass
class Measurement:
    """Seconds of ours and of the peer, taken in turn. `aim` is the ratio (or seconds) we want to stay under."""

    title: str
    peer: str
    aim: str
    ours: list[float] = field(default_factory=list)
    theirs: list[float] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    @property
    def ratio(self) -> float | None:
        """Median of the ratios pair by pair, or None without a peer."""
        pairs = [ours / theirs for ours, theirs in zip(self.ours, self.theirs, strict=False)]
        return statistics.median(pairs) if pairs else None

    def report(self) -> str:
        lines = [f"{self.title}", f"  hathi  {spread(self.ours)}"]
        if self.theirs:
            lines += [f"  {self.peer}  {spread(self.theirs)}", f"  ratio  {self.ratio:.2f}   (aim: {self.aim})"]
        else:
            lines.append(f"  {self.peer} is not here; no ratio   (aim: {self.aim})")
        return "\n".join(lines + [f"  {note}" for note in self.notes])


def spread(seconds: list[float]) -> str:
    return f"{statistics.median(seconds):8.3f} s   ({min(seconds):.3f} to {max(seconds):.3f}, {len(seconds)} runs)"


def stopwatch(work: Callable[[], object]) -> float:
    """Return the wall seconds of a call."""
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def installed(program: str) -> bool:
    return shutil.which(program) is not None


@contextmanager
def workspace() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="hathi-bench-") as folder:
        yield Path(folder)


@contextmanager
def serving(folder: Path, *flags: str) -> Iterator[tuple[Pachd, Pachctl]]:
    """Run a pachd of its own in `folder`, and give it with a pachctl that talks to it."""
    folder.mkdir(exist_ok=True)
    pachd = Pachd(folder / "root", *flags).start()
    try:
        yield pachd, Pachctl(pachd.address, folder / "config.json")
    finally:
        pachd.stop()


@contextmanager
def server(folder: Path) -> Iterator[Pachctl]:
    """Run a pachd of its own in `folder`, and give a pachctl that talks to it."""
    with serving(folder) as (_, pachctl):
        yield pachctl
