"""The controllers: they look at one pipeline or job, ask the life-cycle table what follows, and do it.

They keep nothing in memory that matters: after a crash a new set of controllers looks at everything once and goes on.
"""

from __future__ import annotations

from hathi.pipelines.logs import Logs
from hathi.runtimes.interface import Runtime
from hathi.versioning.store import Store


class Controllers:
    """Reconciles every pipeline and job whenever the feed, a timer or the runtime says that something changed."""

    def __init__(self, store: Store, runtime: Runtime, logs: Logs) -> None:
        raise NotImplementedError

    def start(self) -> None:
        """Look at everything once, in threads of its own, and go on with every change. Returns at once."""
        raise NotImplementedError

    def stop(self) -> None:
        """Finish the action at hand and end the threads."""
        raise NotImplementedError
