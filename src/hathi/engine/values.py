"""What is told to a container engine, and what it tells."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any


@dataclass(frozen=True, slots=True)
class Image:
    """An image that the engine has.

    id: names it on this engine. digests: `repository@sha256:...` of the registries it is known to be in.
    env, user, machine: its ENV, USER, and the architecture it is for. labels: its LABELs.
    watched: it has a HEALTHCHECK.
    """

    id: str
    digests: tuple[str, ...] = ()
    env: Mapping[str, str] = field(default_factory=dict)
    user: str = ""
    machine: str = ""
    labels: Mapping[str, str] = field(default_factory=dict)
    watched: bool = False


@dataclass(frozen=True, slots=True)
class Mount:
    """A folder of the host that a container sees."""

    source: Path
    target: str
    read_only: bool = False


@dataclass(frozen=True, slots=True)
class Plan:
    """A container to be made. name: "" for any. command: what it runs, as root. host: limits, as the engine's
    HostConfig names them.
    """

    name: str
    image: Image
    command: Sequence[str]
    env: Mapping[str, str]
    labels: Mapping[str, str]
    mounts: Sequence[Mount]
    host: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Exit:
    """How a container ended. status: of its process 1, -1 when unknown. error: the engine's words, or "".

    memory: one of its processes was killed for memory, and it ended by that signal.
    """

    status: int
    memory: bool = False
    error: str = ""

    @property
    def reason(self) -> str:
        """Why it ended, in words for a person."""
        if self.memory:
            return "the container was killed for using more memory than its limit"
        status = "" if self.status < 0 else f" with status {self.status}"
        return f"the container ended{status}{': ' if self.error else ''}{self.error}"


@dataclass(frozen=True, slots=True)
class Credentials:
    """Who pushes: a user with a password, or a token that a login left."""

    username: str = ""
    password: str = ""
    token: str = ""


@dataclass(frozen=True, slots=True)
class Step:
    """Something an engine reports. layer: "" for what concerns the whole. done, total: bytes, 0 where unknown."""

    text: str
    layer: str = ""
    done: int = 0
    total: int = 0


Show = Callable[[Step], None]
