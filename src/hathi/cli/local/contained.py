"""A room whose sandbox is a container of the pipeline's image, on the engine of this machine."""

from __future__ import annotations

import contextlib
import queue
import struct
import threading
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from hathi.cli.local.room import Room, scratch_folder
from hathi.cli.local.shell import at_terminal
from hathi.datum.container import LINK, TOKEN_VARIABLE, Ending, Link, box_folder, shim_command
from hathi.datum.environment import DEFAULT_PATH
from hathi.datum.frames import Command, Outcome
from hathi.datum.limits import host_config
from hathi.datum.sandbox import Sandbox, SandboxGone
from hathi.datum.shim import binary
from hathi.engine.docker import Engine
from hathi.engine.values import Exit, Image, Mount, Plan
from hathi.model.errors import HathiError

LABEL, VALUE = "hathi.by-hand", "pachctl"
"""What every container here is labelled with."""

_SHELL = "command -v bash > /dev/null && exec bash -i; exec sh -i"


def sweep(engine: Engine) -> None:
    """Remove the ended containers of those of us who were killed."""
    for id, _ in engine.labelled(f"{LABEL}={VALUE}", ended=True):
        engine.remove(id)


@contextlib.contextmanager
def container_room(engine: Engine, image: Image, resources: Mapping[str, Any]) -> Iterator[Room]:
    """Give a room in containers of an image. resources: the spec's resource_requests and resource_limits.

    Raises InvalidError when those make no sense.
    """
    limits = host_config(resources)
    with scratch_folder() as scratch:
        stage = scratch / "stage"
        stage.mkdir()
        keeper = _Keeper(engine, image, limits, scratch, stage)
        try:
            room = Room(
                scratch,
                keeper.sandbox,
                {"PATH": DEFAULT_PATH, **image.env},
                {"user": image.user},
                keeper.shell,
            )
            try:
                yield room
            finally:
                keeper.closing()
                room.close()
        finally:
            keeper.close()


class _Keeper:
    """Starts a container whenever the link asks for one."""

    def __init__(self, engine: Engine, image: Image, limits: Mapping[str, Any], scratch: Path, stage: Path) -> None:
        self._engine = engine
        self._image = image
        self._limits = limits
        self._scratch = scratch
        self._closing = False
        self._starting = threading.Lock()
        self._id = ""
        self._news: queue.SimpleQueue[Sandbox | str] = queue.SimpleQueue()
        self._link = Link(scratch, stage, binary(image.machine), self._heard)

    def sandbox(self, stage: Path, scratch: Path) -> Sandbox:
        """Return the sandbox of a living container; SandboxGone says why there is none."""
        threading.Thread(target=self._get, name="container", daemon=True).start()
        news = self._news.get()
        if isinstance(news, str):
            raise SandboxGone(news)
        return news

    def shell(self, command: Command, sandbox: Sandbox) -> Outcome:
        """Open a shell at the terminal where a command would run."""
        quiet = replace(command, argv=("sh", "-c", ":"), stdin=b"", timeout=0.0)
        shown = sandbox.run(quiet, lambda data, errors: None)  # what is shown stays until it is withdrawn
        if shown.error:
            return shown
        how = {"environment": dict(command.env), "workdir": command.cwd or None, "user": command.user}
        with self._engine.terminal(self._id, ("sh", "-c", _SHELL), **how) as (terminal, stream):

            def resize(size: bytes) -> None:
                rows, columns, _, _ = struct.unpack("HHHH", size)
                self._engine.resize(terminal, rows, columns)

            at_terminal(stream.fileno(), resize)
            return Outcome(self._engine.ended(terminal))

    def closing(self) -> None:
        """Start no more containers."""
        with self._starting:
            self._closing = True

    def close(self) -> None:
        """Remove the container."""
        self.closing()
        if self._id:
            self._engine.remove(self._id)

    def _get(self) -> None:
        try:
            self._news.put(self._link.get())
        except HathiError as error:
            self._news.put(str(error))

    def _heard(self, line: str) -> None:
        word, *rest = line.split()
        if word != "listening":
            return
        with self._starting:
            if self._closing:
                raise OSError("nobody needs a container any more")
            try:
                self._id = self._start(int(rest[0]), rest[1])
            except HathiError as error:
                raise OSError(str(error)) from error  # which the link tells whoever waits for a sandbox
        threading.Thread(target=self._watch, args=(int(rest[0]), self._id), name="container end", daemon=True).start()

    def _start(self, serial: int, token: str) -> str:
        box = box_folder(self._scratch, serial)
        plan = Plan(
            name="",
            image=self._image,
            command=shim_command(self._image.labels),
            env={TOKEN_VARIABLE: token},
            labels={LABEL: VALUE},
            mounts=(Mount(box / "link", LINK, read_only=True), Mount(box / "pfs", "/pfs")),
            host=self._limits,
        )
        id = self._engine.create(plan)
        try:
            self._engine.start(id)
        except HathiError:
            self._engine.remove(id)
            raise
        return id

    def _watch(self, serial: int, id: str) -> None:
        reason = _why_ended(self._engine, id)
        if self._closing:
            return
        self._link.ended(serial, Ending(reason, blameless=False))
        self._news.put(reason)
        with contextlib.suppress(HathiError):
            self._engine.remove(id)


def _why_ended(engine: Engine, id: str) -> str:
    """Wait until a container ends, and return why."""
    try:
        engine.wait(id)
        exit = engine.exited(id) or Exit(-1)
        words = "" if exit.memory else engine.last_words(id)
    except HathiError as error:
        return str(error)
    return ": ".join(part for part in (exit.reason, words) if part)
