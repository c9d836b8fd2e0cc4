"""Workers as processes of this machine, user code in a sandbox of the host's own files.

Each worker has a keeper: a thread that starts it, listens to it, and starts it again when it ends, later and later
when it does not last. A worker lives as long as the pipe to its standard input, so none outlives us, however we end.
The spec's image is not used; whoever shows a pipeline says so.
"""

from __future__ import annotations

import os
import secrets
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from hathi.datum.hidden import hidden, homes
from hathi.datum.litter import remove_tree
from hathi.datum.sandbox import SandboxGone, start_sandbox
from hathi.datum.shim import binary
from hathi.model.errors import HathiError
from hathi.runtimes.interface import GroupStatus, WorkerGroup

FIRST_PAUSE, LAST_PAUSE = 0.2, 30.0
"""Seconds before a worker is started again: doubling from the first to the last while workers do not last."""

LASTING_SECONDS = 30.0
"""A worker that was ready for so long did last: the next failure is a new one."""

STOP_SECONDS = 5.0
"""How long workers get to end by themselves."""

ADDRESS_SECONDS = 0.05
"""How often a server that does not serve yet is asked for its address."""

KEPT_VARIABLES = ("PATH", "LANG", "LC_ALL", "TZ", "PYTHONPATH", "VIRTUAL_ENV")
"""Of our environment, what a worker process needs to run Python as we do. User code gets PATH of these, no other."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where and how workers run.

    address: of the server, asked when a worker starts; "" while it does not serve yet. scratch: folder that is the
    runtime's alone; emptied at start. hide: our own folders, which user code must not see. command: starts the worker
    program.
    """

    address: Callable[[], str]
    scratch: Path
    hide: Sequence[Path] = ()
    shim: Path = field(default_factory=binary)
    command: Sequence[str] = (sys.executable, "-m", "hathi.worker")


class ProcessRuntime:
    """A `Runtime` of processes; safe to call from any thread."""

    name = "process"

    def __init__(self, place: Place) -> None:
        self._place = place
        self._hide = hidden([*place.hide, place.scratch], homes())
        self._lock = threading.Lock()
        self._groups: dict[str, _Group] = {}
        self._notify: list[Callable[[str], None]] = []
        self._checked: str | None = None
        self._closed = False
        if place.scratch.exists():
            remove_tree(place.scratch)  # of workers whose server was killed
        place.scratch.mkdir(parents=True)

    def check(self) -> str:
        """Return "" when a sandbox can be made here, else what is missing. Asked once, then remembered."""
        if self._checked is None:
            self._checked = self._try_sandbox()
        return self._checked

    def ensure(self, group: WorkerGroup) -> None:
        """Make the group exist as declared."""
        with self._lock:
            if self._closed:
                return
            present = self._groups.get(group.key)
            if present is None:
                present = self._groups[group.key] = _Group(self._place, self._hide, self._changed)
            surplus = present.fit(group)
        _stop(surplus)
        self._changed(group.key)

    def remove(self, key: str) -> None:
        """Stop and forget the group."""
        with self._lock:
            group = self._groups.pop(key, None)
        if group is not None:
            _stop(group.keepers)
            self._changed(key)

    def observe(self) -> Mapping[str, GroupStatus]:
        """Return what is true of each group, by key."""
        with self._lock:
            return {key: group.status() for key, group in self._groups.items()}

    def on_change(self, notify: Callable[[str], None]) -> None:
        """Call `notify(key)` whenever what `observe` tells of a group changes."""
        self._notify.append(notify)

    def close(self) -> None:
        """Stop every worker."""
        with self._lock:
            self._closed = True
            groups = list(self._groups.values())
            self._groups.clear()
        _stop([keeper for group in groups for keeper in group.keepers])
        remove_tree(self._place.scratch)

    def _changed(self, key: str) -> None:
        for notify in list(self._notify):
            notify(key)

    def _try_sandbox(self) -> str:
        folder = Path(tempfile.mkdtemp(prefix="check-", dir=self._place.scratch))
        try:
            (folder / "stage").mkdir()
            start_sandbox(self._place.shim, folder / "stage", folder, self._hide).close()
        except SandboxGone as error:
            return f"{error}. {ADVICE}"
        except HathiError as error:
            return str(error)
        finally:
            remove_tree(folder)
        return ""


ADVICE = (
    "The process runtime needs Linux namespaces: run pachd as root, or allow them to users "
    "(sysctl -w kernel.unprivileged_userns_clone=1 user.max_user_namespaces=10000 "
    "kernel.apparmor_restrict_unprivileged_userns=0, where these exist)"
)


class _Group:
    """The keepers of one group. Guarded by the runtime's lock."""

    def __init__(self, place: Place, hide: Sequence[Path], changed: Callable[[str], None]) -> None:
        self._place = place
        self._hide = hide
        self._changed = changed
        self._gone_restarts = 0
        self.keepers: list[_Keeper] = []

    def fit(self, group: WorkerGroup) -> list[_Keeper]:
        """Start keepers that lack; return those too many."""
        surplus = self.keepers[group.scale :]
        self._gone_restarts += sum(keeper.restarts for keeper in surplus)
        del self.keepers[group.scale :]
        while len(self.keepers) < group.scale:
            self.keepers.append(_Keeper(self._place, self._hide, group, len(self.keepers), self._changed))
        return surplus

    def status(self) -> GroupStatus:
        problems = [keeper.problem for keeper in self.keepers if keeper.problem]
        return GroupStatus(
            wanted=len(self.keepers),
            ready=sum(keeper.ready for keeper in self.keepers),
            problem=problems[0] if problems else "",
            restarts=self._gone_restarts + sum(keeper.restarts for keeper in self.keepers),
        )


class _Keeper:
    """Keeps one worker running. `ready`, `problem` and `restarts` may be read from any thread."""

    def __init__(
        self, place: Place, hide: Sequence[Path], group: WorkerGroup, index: int, changed: Callable[[str], None]
    ) -> None:
        self.ready = False
        self.problem = ""
        self.restarts = 0
        self._place = place
        self._hide = hide
        self._group = group
        self._label = f"{group.pipeline}-v{group.version}-{index}"
        self._changed = changed
        self._stopping = threading.Event()
        self._lock = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None
        self._thread = threading.Thread(target=self._run, name=self._label, daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Let the worker end; returns at once."""
        with self._lock:
            self._stopping.set()
            if self._process is not None and self._process.stdin is not None:
                self._process.stdin.close()

    def join(self, seconds: float) -> None:
        """Wait until the worker has ended, and end it the hard way after so many seconds."""
        self._thread.join(seconds)
        if self._thread.is_alive():
            with self._lock:
                if self._process is not None:
                    self._process.kill()
            self._thread.join()

    def _run(self) -> None:
        pause = FIRST_PAUSE
        while not self._stopping.is_set():
            began = time.monotonic()
            problem = self._live()
            if self._stopping.is_set():
                return
            if time.monotonic() - began > LASTING_SECONDS:
                pause = FIRST_PAUSE
            self._tell(ready=False, problem=problem)
            self._stopping.wait(pause)
            pause = min(pause * 2, LAST_PAUSE)
            self.restarts += 1

    def _tell(self, *, ready: bool, problem: str) -> None:
        self.ready, self.problem = ready, problem
        self._changed(self._group.key)

    def _live(self) -> str:
        """Run a worker from start to end; returns why it ended."""
        name = f"{self._label}-{secrets.token_hex(3)}"
        scratch = self._place.scratch / name
        try:
            scratch.mkdir()
            process = self._start(name, scratch)
        except OSError as error:
            return f"a worker cannot be started: {error.strerror}"
        if process is None:
            return ""
        last = _LastLine(process)
        with process:
            assert process.stdout is not None
            for line in process.stdout:
                if line.strip() == b"ready":
                    self._tell(ready=True, problem="")
            status = process.wait()
        remove_tree(scratch)
        return f"the worker {_ending(status)}{': ' if last.text() else ''}{last.text()}"

    def _start(self, name: str, scratch: Path) -> subprocess.Popen[bytes] | None:
        place = self._place
        while not (address := place.address()):  # groups may be declared before the server serves
            if self._stopping.wait(ADDRESS_SECONDS):
                return None
        options = ["--address", address, "--group", self._group.key, "--name", name]
        options += ["--scratch", str(scratch), "--shim", str(place.shim)]
        for path in self._hide:
            options += ["--hide", str(path)]
        with self._lock:
            if self._stopping.is_set():
                return None
            self._process = subprocess.Popen(
                [*place.command, *options],
                env={key: os.environ[key] for key in KEPT_VARIABLES if key in os.environ},
                cwd=scratch,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                start_new_session=True,  # a terminal's interrupt is the server's to handle
            )
            return self._process


class _LastLine:
    """Reads a process's standard error to its end and keeps the last line that says something."""

    def __init__(self, process: subprocess.Popen[bytes]) -> None:
        self._process = process
        self._line = ""
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def text(self) -> str:
        """Return the line; waits for the end of standard error."""
        self._thread.join()
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


def _stop(keepers: Sequence[_Keeper]) -> None:
    for keeper in keepers:
        keeper.stop()
    for keeper in keepers:
        keeper.join(STOP_SECONDS)
