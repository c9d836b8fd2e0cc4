"""Where and how workers run, which is the same for all of a server's."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from hathi.datum.limits import MAX_PROCESSES
from hathi.datum.shim import binary
from hathi.runtimes.keeping.shares import most_workers


@dataclass(frozen=True, slots=True)
class Place:
    """Where and how workers run.

    address: of the server, asked when a worker starts; "" while it does not serve yet. scratch: folder that is the
    runtime's alone; emptied at start. hide: our own folders, which user code must not see. command: starts the worker
    program. workers: how many there may be at a time. processes: how many processes and threads the commands of one
    worker may have at a time; 0 for any. token: returns the token of a group's workers.
    """

    address: Callable[[], str]
    scratch: Path
    hide: Sequence[Path] = ()
    workers: int = field(default_factory=most_workers)
    processes: int = MAX_PROCESSES
    shim: Path = field(default_factory=binary)
    command: Sequence[str] = (sys.executable, "-m", "hathi.worker")
    token: Callable[[str], str] = lambda group: ""
