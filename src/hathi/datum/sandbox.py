"""The sandbox that user code runs in: a shim process and the socket to it.

A sandbox serves one run at a time; `kill` alone may come from another thread. Whatever goes wrong between us and the
shim ends the sandbox (`SandboxGone`), and the worker makes another: no state in it is worth saving.
"""

from __future__ import annotations

import contextlib
import shutil
import socket
import subprocess
import tempfile
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from types import TracebackType

from hathi.datum import frames
from hathi.datum.cgroup import Cgroup
from hathi.datum.frames import Command, Hello, Look, Outcome
from hathi.datum.hidden import HostView
from hathi.datum.litter import remove_tree
from hathi.model.errors import UnavailableError

START_SECONDS = 30.0
"""How long the namespaces may take: milliseconds on an idle machine."""

END_SECONDS = 10.0
"""How long the shim may take to die, once killed; longer means a process stuck in the kernel."""

Output = Callable[[bytes, bool], None]
"""Takes a piece of output, and whether it came from standard error."""


class SandboxGone(UnavailableError):
    """The sandbox ended or could not be made; the text says why. blameless: and not because of what ran in it."""

    def __init__(self, text: str, *, blameless: bool = False) -> None:
        super().__init__(text)
        self.blameless = blameless


class SandboxFailed(SandboxGone):
    """The shim itself said why it cannot go on."""


class Wire:
    """One end of a frame stream over a connected socket."""

    def __init__(self, connection: socket.socket) -> None:
        self._connection = connection
        self._reader = connection.makefile("rb", buffering=1 << 16)
        self._sending = threading.Lock()

    def send(self, frame: bytes) -> None:
        """Send a whole frame."""
        try:
            with self._sending:
                self._connection.sendall(frame)
        except OSError as error:
            raise SandboxGone(f"the sandbox is gone: {error}") from error

    def receive(self) -> tuple[int, bytes]:
        """Return kind and payload of the next frame. The shim's own last words become the error's text."""
        try:
            head = self._reader.read(frames.HEAD.size)
            size, kind = frames.HEAD.unpack(head) if len(head) == frames.HEAD.size else (-1, 0)
            if size > frames.LARGEST_ANSWER:
                raise SandboxGone("the sandbox is gone: it sent what no shim sends")
            payload = self._reader.read(size) if size > 0 else b""
        except (OSError, ValueError) as error:
            raise SandboxGone(f"the sandbox is gone: {error}") from error
        if size < 0 or len(payload) < size:
            raise SandboxGone("the sandbox ended unexpectedly")
        if kind == frames.FATAL:
            raise SandboxFailed(f"the sandbox ended: {frames.text_of(payload)}")
        return kind, payload

    def close(self) -> None:
        """Close the stream, which ends the shim; a `receive` in another thread ends too."""
        with contextlib.suppress(OSError):
            self._connection.shutdown(socket.SHUT_RDWR)
        with contextlib.suppress(OSError):
            self._reader.close()
        self._connection.close()


class Sandbox:
    """Runs commands through a shim at the other end of `wire`; `hello` says what the shim made."""

    def __init__(self, wire: Wire, end: Callable[[], None] = lambda: None) -> None:
        """end: called once by `close`, after the wire is closed."""
        self._wire = wire
        self._end = end
        self._closing = threading.Lock()
        self._closed = False
        kind, payload = wire.receive()
        self.hello: Hello = frames.hello_of(payload)
        if kind != frames.HELLO or self.hello.version != frames.VERSION:
            raise SandboxGone(f"the shim speaks version {self.hello.version}, this worker {frames.VERSION}")

    @property
    def closed(self) -> bool:
        """Whether `close` was called."""
        return self._closed

    def run(self, command: Command, output: Output) -> Outcome:
        """Run a command to its end, giving its output to `output` as it comes."""
        self._wire.send(frames.run_frame(command))
        while True:
            kind, payload = self._wire.receive()
            if kind == frames.EXIT:
                return frames.outcome_of(payload)
            output(payload, kind == frames.ERRORS)

    def kill(self) -> None:
        """End the command that runs now, if one does; its outcome says `killed`."""
        self._wire.send(frames.kill_frame())

    def look(self, path: str) -> Look:
        """Return what `path` leads to as the sandbox sees it, until the next run that does not continue this one."""
        self._wire.send(frames.look_frame(path))
        return frames.look_of(self._wire.receive()[1])

    def read(self, path: str) -> Iterator[bytes]:
        """Yield the bytes of a file as the sandbox sees it. OSError when it cannot be read. Must be read to the end."""
        self._wire.send(frames.read_frame(path))
        while True:
            kind, payload = self._wire.receive()
            if kind == frames.READ_DONE:
                if why := frames.text_of(payload):
                    raise OSError(why)
                return
            yield payload

    def names(self, folder: str) -> list[str]:
        """Return the names in a folder, sorted. OSError when it cannot be read."""
        return sorted(name for piece in self.read(folder) for name in frames.names_in(piece))

    def withdraw(self) -> None:
        """Let go of the folder that a run showed at /pfs, so that it can be removed. Only after the last run in it."""

    def close(self) -> None:
        """End the sandbox with every process in it. May be called from any thread, and again."""
        with self._closing:
            if self._closed:
                return
            self._closed = True
        self._wire.close()
        self._end()

    def __enter__(self) -> Sandbox:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


class BoundSandbox(Sandbox):
    """A sandbox whose processes are in a control group, which explains why they failed."""

    def __init__(self, wire: Wire, end: Callable[[], None], group: Cgroup) -> None:
        super().__init__(wire, end)
        self._group = group

    def run(self, command: Command, output: Output) -> Outcome:
        """Run a command to its end, giving its output to `output` as it comes."""
        before = self._group.counts()
        try:
            return self._group.explained(super().run(command, output), before)
        except SandboxFailed:
            raise
        except SandboxGone as error:
            if self._group.counts().killed > before.killed:
                limit = self._group.memory_limit()
                raise SandboxGone(f"it was killed for using more memory than {limit}") from error
            raise


NO_GROUP = Cgroup()


def start_sandbox(shim: Path, stage: Path, scratch: Path, view: HostView, group: Cgroup = NO_GROUP) -> Sandbox:
    """Start the shim in namespaces of its own, or raise SandboxGone saying why that cannot be.

    stage: folder whose subfolders can be shown at /pfs. scratch: folder for what the sandbox writes elsewhere.
    view: what it shows of the host. group: the control group that its processes are in.
    The calling thread must outlive the sandbox, because the kernel ends a child with the thread that started it.
    """
    room = Path(tempfile.mkdtemp(prefix="sandbox-", dir=scratch))
    ours, theirs = socket.socketpair()
    options = [
        "--fd",
        str(theirs.fileno()),
        "--stage",
        str(stage),
        "--scratch",
        str(room),
        *view.options(),
        *group.options(),
    ]
    with theirs:
        try:
            process = subprocess.Popen(
                [str(shim), "sandbox", *options],
                env={},
                cwd="/",
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                pass_fds=[theirs.fileno()],
            )
        except OSError as error:
            ours.close()
            shutil.rmtree(room, ignore_errors=True)
            raise SandboxGone(f"cannot start the shim {shim}: {error.strerror}") from error

    def end() -> None:
        process.kill()
        try:
            process.wait(END_SECONDS)
        except subprocess.TimeoutExpired:
            return  # its folders are in use; whoever made `scratch` removes it later
        remove_tree(room)

    ours.settimeout(START_SECONDS)
    wire = Wire(ours)
    try:
        sandbox = BoundSandbox(wire, end, group)
    except SandboxGone:
        wire.close()
        end()
        raise
    ours.settimeout(None)
    return sandbox
