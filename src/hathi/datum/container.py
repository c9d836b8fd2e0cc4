"""The worker's end of a sandbox that is a container, which somebody else starts beside it.

A container sees two folders of the worker's. `link` is mounted read-only: in it are the shim, which is the container's
process 1, and a socket, to which one may connect although the mount is read-only. The shim does so before any other
code runs there, and says a token that it alone was given; then the socket is gone: user code finds nothing to talk to.
`pfs` is mounted at /pfs: a datum is shown by moving its files in, and they are moved out again after the run, since a
container can mount nothing itself. Each container has folders of its own.

When a container ends, the next is waited for. Why it ended decides whether its datum failed: that is told from
outside, by whoever asks the engine.
"""

from __future__ import annotations

import contextlib
import hmac
import itertools
import os
import secrets
import select
import shutil
import socket
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from hathi.datum.cgroup import Counts, counter, ended_well, memory_limit_in
from hathi.datum.frames import Command, Outcome
from hathi.datum.litter import remove_tree
from hathi.datum.sandbox import START_SECONDS, Output, Sandbox, SandboxFailed, SandboxGone, Wire

SHIM, SOCKET = "shim", "wire"
"""Names in a container's `link` folder."""

LINK = "/.hathi"
"""Where a container has that folder."""

SHIM_LABEL = "hathi.shim"
"""The label by which an image tells where it has a shim of its own, which is then used."""

TOKEN_VARIABLE = "HATHI_SHIM_TOKEN"
"""How the shim is given its token."""

ENDING_SECONDS = 10.0
"""How long to wait for the reason of a container's end; without one the datum is not to blame."""

_OOM_COUNTERS = ("/sys/fs/cgroup/memory.events", "/sys/fs/cgroup/memory/memory.oom_control")
"""Where a container reads how many of its processes were killed for memory: cgroup version 2, and 1."""

_PROCESS_COUNTERS = ("/sys/fs/cgroup/pids.events", "/sys/fs/cgroup/pids/pids.events")
_PROCESS_LIMITS = ("/sys/fs/cgroup/pids.max", "/sys/fs/cgroup/pids/pids.max")

_OOM_LIMITS = ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes")


@dataclass(frozen=True, slots=True)
class Ending:
    """Why a container ended. blameless: not because of the code that ran in it."""

    reason: str
    blameless: bool = True


class Box:
    """The folders of one container, below `folder`."""

    def __init__(self, folder: Path, shim: Path | None) -> None:
        """shim: the binary that becomes process 1, None when the image brings its own."""
        self.link = folder / "link"
        self.pfs = folder / "pfs"
        self._folder = folder
        self._shown: Path | None = None
        self._lock = threading.Lock()
        folder.mkdir()
        self.link.mkdir()
        self.pfs.mkdir()
        if shim is not None:
            shutil.copy(shim, self.link / SHIM)

    def show(self, datum: Path) -> None:
        """Show what is in a datum's folder at /pfs. The folder's own path stays good: it names what is mounted."""
        with self._lock:
            self._withdraw()
            _empty_into(datum, self.pfs)
            datum.rmdir()
            self.pfs.rename(datum)
            self._shown = datum

    def withdraw(self) -> None:
        """Show nothing at /pfs; what was shown is as it was left, at the same path."""
        with self._lock:
            self._withdraw()

    def remove(self) -> None:
        """Remove the folders; a datum that is shown stays."""
        with self._lock:
            self._withdraw()
            remove_tree(self._folder)

    def _withdraw(self) -> None:
        if self._shown is None:
            return
        datum, self._shown = self._shown, None
        aside = self._folder / "aside"
        aside.mkdir()
        datum.chmod(0o755)
        _empty_into(datum, aside)
        datum.rename(self.pfs)
        aside.rename(datum)


class ContainerSandbox(Sandbox):
    """A sandbox at the other end of `wire` whose /pfs is the box's. stage: folder that commands name folders of."""

    def __init__(self, wire: Wire, token: str, box: Box, stage: Path, why: Callable[[], Ending]) -> None:
        """token: what the shim must say. why: waits for the reason of the container's end."""
        super().__init__(wire, box.remove)
        if not hmac.compare_digest(self.hello.token, token):
            raise SandboxGone("somebody else than the shim is at the other end")
        self._box = box
        self._stage = stage
        self._why = why
        self._showing = ""
        self._counts = self._count()

    def run(self, command: Command, output: Output) -> Outcome:
        """Run a command to its end. SandboxGone says why the container ended, if it did."""
        if command.folder and (not command.continues or command.folder != self._showing):
            self._box.show(self._stage / command.folder)
            self._showing = command.folder
        try:
            outcome = super().run(replace(command, folder=""), output)
            return outcome if ended_well(outcome) else self._explained(outcome)
        except SandboxFailed:
            raise
        except SandboxGone as error:
            ending = self._why()
            raise SandboxGone(ending.reason, blameless=ending.blameless) from error

    def withdraw(self) -> None:
        """Show nothing at /pfs."""
        self._showing = ""
        self._box.withdraw()

    def _explained(self, outcome: Outcome) -> Outcome:
        """Say so when the command failed because its processes were killed for memory, or could not be started."""
        now, before = self._count(), self._counts
        self._counts = now
        if now.killed > before.killed:
            outcome = replace(outcome, memory=memory_limit_in(self._first_of(_OOM_LIMITS)))
        if now.refused > before.refused:
            outcome = replace(outcome, processes=self._first_of(_PROCESS_LIMITS).strip())
        return outcome

    def _count(self) -> Counts:
        killed = counter(iter([self._first_of(_OOM_COUNTERS)]), "oom_kill")
        return Counts(killed, counter(iter([self._first_of(_PROCESS_COUNTERS)]), "max"))

    def _first_of(self, paths: tuple[str, ...]) -> str:
        """Return what the first file of these holds that can be read in the container, "" when none can."""
        for path in paths:
            with contextlib.suppress(OSError):
                return b"".join(self.read(path)).decode(errors="replace")
        return ""


class Link:
    """Meets the shim of one container after the other, in a thread of its own."""

    def __init__(self, folder: Path, stage: Path, shim: Path | None, say: Callable[[str], None]) -> None:
        """folder: for the boxes. shim: as in `Box`. say: tells the owner `listening SERIAL TOKEN` when a container is
        to be started with the box of that number, and `ready` when it is there.
        """
        self._folder = folder
        self._stage = stage
        self._shim = shim
        self._say = say
        self._changed = threading.Condition()
        self._present: Sandbox | None = None
        self._gone: list[Sandbox] = []
        self._endings: dict[int, Ending] = {}
        self._problem: Exception | None = None
        threading.Thread(target=self._run, name="link", daemon=True).start()

    def get(self) -> Sandbox:
        """Return the sandbox of a container that has not ended, waiting for one to be started. From one thread only,
        which uses none of before any more.
        """
        with self._changed:
            gone, self._gone = self._gone, []
        for sandbox in gone:
            sandbox.close()
        with self._changed:
            self._changed.wait_for(lambda: self._present is not None or self._problem is not None)
            if self._present is None:
                raise SandboxGone(f"cannot wait for a container: {self._problem}") from self._problem
            return self._present

    def ended(self, serial: int, ending: Ending) -> None:
        """Take the reason why the container of a box ended."""
        with self._changed:
            self._endings[serial] = ending
            self._changed.notify_all()

    def _why(self, serial: int) -> Ending:
        with self._changed:
            self._changed.wait_for(lambda: serial in self._endings, ENDING_SECONDS)
            return self._endings.pop(serial, Ending("the container ended"))

    def _run(self) -> None:
        try:
            for serial in itertools.count(1):
                self._serve(serial)
        except Exception as error:  # whatever it is, whoever waits for a container must learn of it
            with self._changed:
                self._problem = error
                self._changed.notify_all()

    def _serve(self, serial: int) -> None:
        """Meet one shim, and return when it has gone."""
        box = Box(box_folder(self._folder, serial), self._shim)
        connection, sandbox = self._meet(serial, box)
        watched = os.dup(connection.fileno())
        with self._changed:
            self._present = sandbox
            self._changed.notify_all()
        self._say("ready")
        _wait_for_end(watched)
        os.close(watched)
        with self._changed:
            self._present = None
            self._gone.append(sandbox)

    def _meet(self, serial: int, box: Box) -> tuple[socket.socket, Sandbox]:
        token = secrets.token_hex(16)
        with _listen(box.link / SOCKET) as listener:
            self._say(f"listening {serial} {token}")
            while True:
                connection, _ = listener.accept()
                connection.settimeout(START_SECONDS)
                wire = Wire(connection)
                try:
                    sandbox = ContainerSandbox(wire, token, box, self._stage, lambda: self._why(serial))
                except SandboxGone:
                    wire.close()
                    continue
                (box.link / SOCKET).unlink()
                connection.settimeout(None)
                return connection, sandbox


def shim_command(labels: Mapping[str, str]) -> tuple[str, ...]:
    """Return what process 1 of a container runs, given the labels of its image."""
    return (labels.get(SHIM_LABEL) or f"{LINK}/{SHIM}", "serve", "--unix", f"{LINK}/{SOCKET}")


def box_folder(folder: Path, serial: int) -> Path:
    """Return where the box of a number is: both who starts containers and who meets them know it."""
    return folder / f"box-{serial}"


def _listen(path: Path) -> socket.socket:
    """Return a listening socket at a path of any length, though an address holds only 107 bytes."""
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        listener.bind(f"/proc/self/fd/{folder}/{path.name}")
        listener.listen(1)
    except BaseException:
        listener.close()
        raise
    finally:
        os.close(folder)
    return listener


def _wait_for_end(descriptor: int) -> None:
    """Wait until a connection is ended by either side."""
    poll = select.poll()
    poll.register(descriptor, select.POLLRDHUP | select.POLLHUP)
    poll.poll()


def _empty_into(folder: Path, target: Path) -> None:
    """Move everything in a folder, whatever it is, into another one of the same file system."""
    with os.scandir(folder) as entries:
        names = [entry.name for entry in entries]
    for name in names:
        (folder / name).rename(target / name)
