"""What user code prints, line by line and in order, to the server.

Lines are gathered and sent by one thread of its own, so that a chatty program costs a call for each batch and none
for each line; and a slow server slows the program down instead of filling our memory. `flush` returns when all is
delivered.
"""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Callable

from hathi.model.batching import batches
from hathi.model.errors import UnavailableError
from hathi.supervision import describe
from hathi.worker.server import LogLine, Server

FLUSH_SECONDS = 0.3  # how long a follower of the log may wait for a line
BATCH_BYTES = 1 << 20
BATCH_LINES = 10_000
LINE_OVERHEAD = 64  # of a line, besides its texts
HELD_BYTES = 8 << 20  # of lines not sent yet; beyond it, printing waits
LINE_BYTES = 64 << 10  # longer lines are cut into several
RETRY_SECONDS = 0.5


class Logs:
    """Sends the lines of one claim. Methods may be called from any thread."""

    def __init__(self, server: Server, project: str, pipeline: str, job: str, datum_set: int = 0) -> None:
        self._server = server
        self._project = project
        self._pipeline = pipeline
        self._job = job
        self._set = datum_set
        self._changed = threading.Condition()
        self._lines: list[LogLine] = []
        self._bytes = 0
        self._sending = False
        self._urgent = False
        self._closed = False
        self._thread = threading.Thread(target=self._run, name="logs", daemon=True)
        self._thread.start()

    def note(self, message: str) -> None:
        """Add a line of the worker's own that is about no single datum."""
        self._add(LogLine(time.time_ns(), message, self._job, datum_set=self._set))

    def stream(self, datum: str, attempt: int) -> Stream:
        """Return what takes the output of one attempt."""

        def line(message: str, *, user: bool, stderr: bool) -> None:
            self._add(LogLine(time.time_ns(), message, self._job, datum, attempt, user, stderr, self._set))

        return Stream(line)

    def flush(self) -> None:
        """Wait until every line is delivered, or `drop` was called."""
        with self._changed:
            self._urgent = True
            self._changed.notify_all()
            self._changed.wait_for(lambda: self._closed or not (self._lines or self._sending))
            self._urgent = False

    def drop(self) -> None:
        """Forget what is not sent, and send no more: the claim is lost, or all is flushed."""
        with self._changed:
            self._closed = True
            self._lines.clear()
            self._changed.notify_all()

    def _add(self, line: LogLine) -> None:
        with self._changed:
            self._changed.wait_for(lambda: self._closed or self._bytes < HELD_BYTES)
            if self._closed:
                return
            first = not self._lines
            self._lines.append(line)
            self._bytes += _size(line)
            if first or self._bytes >= BATCH_BYTES:
                self._changed.notify_all()

    def _run(self) -> None:
        while lines := self._next():
            self._deliver(lines)
            with self._changed:
                self._sending = False
                self._changed.notify_all()

    def _next(self) -> list[LogLine]:
        """Wait for a batch; none when there will be no more."""
        with self._changed:
            self._changed.wait_for(lambda: self._closed or self._lines)
            self._changed.wait_for(lambda: self._closed or self._urgent or self._bytes >= BATCH_BYTES, FLUSH_SECONDS)
            batch = next(batches(self._lines, _size, BATCH_BYTES, BATCH_LINES), [])
            del self._lines[: len(batch)]
            self._bytes -= sum(map(_size, batch))
            self._sending = bool(batch)
            self._changed.notify_all()
            return batch

    def _deliver(self, lines: list[LogLine]) -> None:
        while not self._closed:
            try:
                self._server.append_logs(self._project, self._pipeline, lines)
                return
            except UnavailableError:
                with self._changed:
                    self._changed.wait_for(lambda: self._closed, RETRY_SECONDS)
            except Exception as error:
                # Whatever it is, the datum must not wait for its log, but somebody must hear of it.
                sys.stderr.write(f"{len(lines)} lines of the log were refused: {describe(error)}\n")
                return


def _size(line: LogLine) -> int:
    """Return how many bytes a line takes in a message at most."""
    texts = (line.message, line.job, line.datum)
    return LINE_OVERHEAD + sum(len(text) if text.isascii() else len(text.encode()) for text in texts)


class Stream:
    """Cuts the output of one attempt into lines. One thread at a time."""

    def __init__(self, line: Callable[..., None]) -> None:
        self._line = line
        self._rest = {False: b"", True: b""}

    def write(self, piece: bytes, stderr: bool) -> None:
        """Take a piece of output."""
        *lines, rest = (self._rest[stderr] + piece).split(b"\n")
        while len(rest) > LINE_BYTES:
            lines.append(rest[:LINE_BYTES])
            rest = rest[LINE_BYTES:]
        self._rest[stderr] = rest
        for line in lines:
            self._user(line, stderr)

    def note(self, message: str) -> None:
        """Add a line of the worker's own."""
        self._line(message, user=False, stderr=False)

    def end(self) -> None:
        """Take what stands without an end of line as a last line."""
        for stderr, rest in self._rest.items():
            if rest:
                self._user(rest, stderr)
        self._rest = {False: b"", True: b""}

    def _user(self, line: bytes, stderr: bool) -> None:
        for start in range(0, max(len(line), 1), LINE_BYTES):
            text = line[start : start + LINE_BYTES].decode(errors="replace")
            self._line(text.removesuffix("\r"), user=True, stderr=stderr)
