"""One worker, kept running: a thread starts it, listens to it, and starts it again when it ends.

It is started later and later when it does not last. A worker lives as long as the pipe to its standard input, so none
outlives us, however we end.
"""

from __future__ import annotations

import contextlib
import os
import secrets
import subprocess
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from hathi.datum.litter import remove_tree
from hathi.model.errors import HathiError
from hathi.runtimes.interface import WorkerGroup
from hathi.runtimes.keeping.companion import Accompany, Companion
from hathi.runtimes.keeping.place import Place
from hathi.supervision import Record, describe

FIRST_PAUSE, LAST_PAUSE = 0.2, 30.0
"""Seconds before a worker is started again: doubling from the first to the last while workers do not last."""

LASTING_SECONDS = 30.0
"""A worker that was ready for so long did last: the next failure is a new one."""

LAST_LINE_SECONDS = 5.0
"""How long the last words of a worker that has ended are waited for."""

ADDRESS_SECONDS = 0.05
"""How often a server that does not serve yet is asked for its address."""

LEAVE = "leave"
"""What a worker is told that is to end when it has done what it is at."""

KEPT_VARIABLES = ("PATH", "LANG", "LC_ALL", "TZ", "PYTHONPATH", "VIRTUAL_ENV")
"""Of our environment, what a worker process needs to run Python as we do. User code gets PATH of these, no other."""


class Keeper:
    """Keeps one worker running. What it says of it may be read from any thread; `worker` is the name it lives by."""

    def __init__(
        self,
        place: Place,
        accompany: Accompany,
        group: WorkerGroup,
        index: int,
        changed: Callable[[str], None],
        trouble: Record,
        left: Callable[[Keeper], None] = lambda keeper: None,
    ) -> None:
        """changed: called with the group's key. trouble: records what nobody foresaw. left: called when a worker that
        was asked to leave has done so.
        """
        self.ready = False
        self.problem = ""
        self.restarts = 0
        self.image = ""
        self.worker = ""
        self.group = group
        self.stopping = threading.Event()
        self._place = place
        self._accompany = accompany
        self._label = f"{group.pipeline}-v{group.version}-{index}"
        self._changed = changed
        self._trouble = trouble
        self._left = left
        self._leaving = False
        self._lock = threading.Lock()
        self._life: _Life | None = None
        self._thread = threading.Thread(target=self._run, name=self._label, daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Let the worker end; returns at once."""
        with self._lock:
            self.stopping.set()
            if self._life is not None:
                self._life.hang_up()

    def leave(self) -> None:
        """Let the worker end when it has done what it is at; at once when that is nothing."""
        with self._lock:
            self._leaving = True
            if self._life is not None and self._life.process.poll() is None:
                self._life.say(LEAVE)
            else:
                self.stopping.set()

    def join(self, seconds: float) -> bool:
        """Wait until the worker has ended, for at most so many seconds; returns whether it has."""
        self._thread.join(seconds)
        return not self._thread.is_alive()

    def kill(self) -> None:
        """End the worker the hard way; nothing happens when it has ended."""
        with self._lock:
            if self._thread.is_alive() and self._life is not None:
                self._life.process.kill()

    def tell(self, *, ready: bool | None = None, problem: str | None = None) -> None:
        """Take what is true of the worker now."""
        before = (self.ready, self.problem)
        self.ready = self.ready if ready is None else ready
        self.problem = self.problem if problem is None else problem
        if (self.ready, self.problem) != before:
            self.changed()

    def changed(self) -> None:
        """Have everybody look. What goes wrong there is no reason to let the worker go."""
        try:
            self._changed(self.group.key)
        except Exception as error:
            self._trouble.failed(self._label, error)

    def _run(self) -> None:
        try:
            self._keep()
        finally:
            self.worker, self.ready = "", False
            if self._leaving:
                self._left(self)

    def _keep(self) -> None:
        pause = FIRST_PAUSE
        while not self.stopping.is_set():
            began = time.monotonic()
            try:
                problem = self._live()
                self._trouble.succeeded(self._label)
            except Exception as error:  # whatever it is, the worker is started again
                problem = describe(error)
                self._trouble.failed(self._label, error)
            if self.stopping.is_set() or self._leaving:
                return
            if time.monotonic() - began > LASTING_SECONDS:
                pause = FIRST_PAUSE
            self.ready, self.problem = False, problem
            self.changed()  # in any case: what the dead worker held can be given to others
            self.stopping.wait(pause)
            pause = min(pause * 2, LAST_PAUSE)
            self.restarts += 1

    def _live(self) -> str:
        """Run a worker from start to end; returns why it ended."""
        self.worker = name = f"{self._label}-{secrets.token_hex(3)}"
        scratch = self._place.scratch / name
        try:
            scratch.mkdir()
            scratch.chmod(0o755)  # user code may run as another user; others cannot get as far as here
            life = _Life(self, name, scratch)
            companion = self._accompany(life)
            try:
                return self._accompanied(life, companion)
            finally:
                companion.close()
                remove_tree(scratch)
        except HathiError as error:
            remove_tree(scratch)
            return str(error)
        except OSError as error:
            return f"a worker cannot be started: {error.strerror}"
        finally:
            self.worker = ""

    def _accompanied(self, life: _Life, companion: Companion) -> str:
        if not self._start(life, companion.options()):
            return ""
        last = _LastLine(life.process)
        with life.process as process:
            assert process.stdout is not None
            for line in process.stdout:
                words = line.decode(errors="replace").strip()
                if words == "ready":
                    self.tell(ready=True, problem="")
                companion.heard(words)
            status = process.wait()
        return f"the worker {_ending(status)}{': ' if last.text() else ''}{last.text()}"

    def _start(self, life: _Life, more: Sequence[str]) -> bool:
        place = self._place
        while not (address := place.address()):  # groups may be declared before the server serves
            if self.stopping.wait(ADDRESS_SECONDS):
                return False
        options = ["--address", address, "--group", self.group.key, "--name", life.name, "--scratch", str(life.scratch)]
        with self._lock:
            if self.stopping.is_set() or self._leaving:
                return False
            life.process = subprocess.Popen(
                [*place.command, *options, *more],
                env={key: os.environ[key] for key in KEPT_VARIABLES if key in os.environ},
                cwd=life.scratch,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                umask=0o022,  # user code may run as another user, and reads what the worker stages
                start_new_session=True,  # a terminal's interrupt is the server's to handle
            )
            self._life = life
        # Over the pipe that only the worker has: arguments and variables of a process can be read by others.
        life.say(f"token {place.token(self.group.key)}")
        return True


class _Life:
    """A `Life`, and the process once it is started."""

    process: subprocess.Popen[bytes]

    def __init__(self, keeper: Keeper, name: str, scratch: Path) -> None:
        self._keeper = keeper
        self._talking = threading.Lock()
        self.name = name
        self.scratch = scratch
        self.group = keeper.group
        self.ending = keeper.stopping

    def tell(self, *, ready: bool | None = None, problem: str | None = None) -> None:
        """Pass it on."""
        self._keeper.tell(ready=ready, problem=problem)

    def runs(self, image: str) -> None:
        """Pass it on."""
        self._keeper.image = image
        self._keeper.changed()

    def restarted(self) -> None:
        """Count."""
        self._keeper.restarts += 1
        self._keeper.changed()

    def say(self, line: str) -> None:
        """Write a line; a pipe without reader or already closed is no error."""
        with self._talking:
            assert self.process.stdin is not None
            try:
                self.process.stdin.write(line.encode() + b"\n")
                self.process.stdin.flush()
            except (OSError, ValueError):
                self._close()  # what is left in the buffer would make a later close fail, and hide why the worker ended

    def hang_up(self) -> None:
        """Close the worker's standard input, which ends it."""
        with self._talking:
            self._close()

    def _close(self) -> None:
        assert self.process.stdin is not None
        with contextlib.suppress(OSError):
            self.process.stdin.close()


class _LastLine:
    """Reads a process's standard error to its end and keeps the last line that says something."""

    def __init__(self, process: subprocess.Popen[bytes]) -> None:
        self._process = process
        self._line = ""
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def text(self) -> str:
        """Return the line; waits for the end of standard error, which what the worker started may hold open."""
        self._thread.join(LAST_LINE_SECONDS)
        return self._line

    def _run(self) -> None:
        assert self._process.stderr is not None
        try:
            for line in self._process.stderr:
                self._line = line.decode(errors="replace").strip() or self._line
        except ValueError:
            pass  # closed under us, because the process has ended


def _ending(status: int) -> str:
    return f"was ended by signal {-status}" if status < 0 else f"exited with status {status}"
