"""What a server does in the background for its own good: it merges pack indexes, so that look-ups stay logarithmic."""

from __future__ import annotations

import logging
import threading

from hathi.model.errors import HathiError
from hathi.storage.chunks.store import Chunks

log = logging.getLogger("hathi.server")

PAUSE_SECONDS = 5.0
"""Between looks: merging is cheap when there is nothing to merge, and never urgent."""


class Housekeeping:
    """A thread from `start` to `stop`."""

    def __init__(self, chunks: Chunks) -> None:
        self._chunks = chunks
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="housekeeping", daemon=True)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def stop(self) -> None:
        """End; a merge that is going on is finished first."""
        self._stopping.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._stopping.wait(PAUSE_SECONDS):
            try:
                while self._chunks.compact() and not self._stopping.is_set():
                    pass
            except HathiError as error:
                log.warning("merging pack indexes: %s", error)
