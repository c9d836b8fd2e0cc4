"""What a worker needs beside it (a container, say): made before the worker starts, ended when the worker has ended.

A companion hears what its worker prints, and acts on the worker's life: it tells what is wrong, or ends it so that the
next one begins with everything made anew.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Protocol

from hathi.runtimes.interface import WorkerGroup


class Life(Protocol):
    """One life of a worker, as its companion sees it. Safe to use from any thread.

    group: whose worker it is. name: the worker's own. scratch: its folder. ending: set when the worker is to end.
    """

    @property
    def group(self) -> WorkerGroup: ...
    @property
    def name(self) -> str: ...
    @property
    def scratch(self) -> Path: ...
    @property
    def ending(self) -> threading.Event: ...

    def tell(self, *, ready: bool | None = None, problem: str | None = None) -> None:
        """Say whether the worker can take work, and what is wrong ("" when nothing is); None: as before."""
        ...

    def runs(self, image: str) -> None:
        """Say which image its user code runs in."""
        ...

    def restarted(self) -> None:
        """Count that something of the worker died and was started again."""
        ...

    def say(self, line: str) -> None:
        """Give the worker a line on its standard input; nothing happens when it has ended."""
        ...

    def hang_up(self) -> None:
        """End the worker, which is then started anew, with all that it needs."""
        ...


class Companion(Protocol):
    """What a worker needs beside it."""

    def options(self) -> Sequence[str]:
        """Return the words that the worker's command line has for it."""
        ...

    def heard(self, line: str) -> None:
        """Take a line that the worker printed; returns soon."""
        ...

    def close(self) -> None:
        """End it, because the worker has ended."""
        ...


Accompany = Callable[[Life], Companion]
"""Makes the companion of a worker that is about to start; HathiError says why it cannot be."""
