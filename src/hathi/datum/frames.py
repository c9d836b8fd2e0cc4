"""Frames between a worker and the shim, as values; `shim/PROTOCOL.md` is the specification.

Nothing here touches a socket. A frame is the length of its payload (4 bytes), its kind (1 byte) and the payload;
integers are little-endian, a text is its length (4 bytes), its bytes and a NUL that the length does not count.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import IntEnum

VERSION = 1

LARGEST_ANSWER = 1 << 20
"""Bytes of payload that a shim sends at most, with room to spare: its pieces are 64 KiB."""

HEAD = struct.Struct("<IB")
_U32 = struct.Struct("<I")
_RUN = struct.Struct("<IQ")
_HELLO = struct.Struct("<IIII")
_EXIT = struct.Struct("<iIIQQQQ")
_LOOK = struct.Struct("<IQQQQ")

OUTPUT, ERRORS, EXIT, HELLO, FATAL = b"OEXHF"
LOOKED, DATA, READ_DONE = b"lDg"
_RUN_KIND, _KILL_KIND, _LOOK_KIND, _READ_KIND = b"RKLG"

_CONTINUES = 1
_TIMED_OUT, _KILLED, _NOT_STARTED = 1, 2, 4


@dataclass(frozen=True, slots=True)
class Command:
    """What to run.

    argv: the command; a name without "/" is looked for in the PATH of `env`.
    env: all variables it sees; HOME is added where it lacks.
    cwd: working directory, "" for the sandbox's own.
    user: `user`, `uid`, `user:group` or `uid:gid`; "" for the sandbox's own.
    stdin: what it can read; nothing (/dev/null) when empty.
    timeout: seconds it may take, 0 for any.
    folder: below the stage, what to show at /pfs; "" leaves /pfs as the container has it.
    continues: it sees /pfs and /tmp as the run before left them, instead of fresh ones.
    """

    argv: Sequence[str]
    env: Mapping[str, str] = field(default_factory=dict)
    cwd: str = ""
    user: str = ""
    stdin: bytes = b""
    timeout: float = 0.0
    folder: str = ""
    continues: bool = False


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a run ended.

    code: exit status, or -1 when a signal ended it. signal: its number, or 0.
    timed_out, killed: it was ended for its time limit, or because `kill` was asked for.
    error: why it could not be started at all, or "".
    peak_bytes: the largest resident memory of one of its processes. Times in seconds, over all its processes.
    memory: how much it may use, in words, when one of its processes was killed for using more; or "".
    processes: how many it may have at a time, when it could not start one more; or "".
    """

    code: int
    signal: int = 0
    timed_out: bool = False
    killed: bool = False
    error: str = ""
    peak_bytes: int = 0
    user_seconds: float = 0.0
    system_seconds: float = 0.0
    wall_seconds: float = 0.0
    memory: str = ""
    processes: str = ""


@dataclass(frozen=True, slots=True)
class Hello:
    """What the shim made. overlaid, read_only: parts of the host shown with throw-away writes, and read-only.

    token: the secret it was started with, or "".
    """

    version: int
    sandboxed: bool = False
    user_namespace: bool = False
    overlaid: int = 0
    read_only: int = 0
    token: str = ""


class Kind(IntEnum):
    """What a path leads to."""

    MISSING = 0
    FILE = 1
    FOLDER = 2
    OTHER = 3


@dataclass(frozen=True, slots=True)
class Look:
    """What a path leads to inside the sandbox. changed: time of the last change of the inode, in ns. error: or why
    not.
    """

    kind: Kind
    size: int = 0
    device: int = 0
    inode: int = 0
    changed: int = 0
    error: str = ""


def run_frame(command: Command) -> bytes:
    """Return the request to run a command. ValueError when a text holds a NUL."""
    milliseconds = max(1, round(command.timeout * 1000)) if command.timeout > 0 else 0
    parts = [_RUN.pack(_CONTINUES if command.continues else 0, milliseconds)]
    parts += [_text(value) for value in (command.folder, command.cwd, command.user)]
    parts += [_U32.pack(len(command.stdin)), command.stdin, b"\0"]
    parts += _list(command.argv)
    parts += _list([f"{name}={value}" for name, value in command.env.items()])
    return _frame(_RUN_KIND, b"".join(parts))


def kill_frame() -> bytes:
    """Return the request to end the command that runs."""
    return _frame(_KILL_KIND, b"")


def look_frame(path: str) -> bytes:
    """Return the request to say what `path` leads to."""
    return _frame(_LOOK_KIND, _text(path))


def read_frame(path: str) -> bytes:
    """Return the request for the bytes of a file, or the names in a folder."""
    return _frame(_READ_KIND, _text(path))


def hello_of(payload: bytes) -> Hello:
    """Read the shim's first frame."""
    version, flags, overlaid, read_only = _HELLO.unpack_from(payload)
    return Hello(version, bool(flags & 1), bool(flags & 2), overlaid, read_only, text_of(payload[_HELLO.size :]))


def outcome_of(payload: bytes) -> Outcome:
    """Read the frame that ends a run."""
    code, signal, flags, peak, user, system, wall = _EXIT.unpack_from(payload)
    return Outcome(
        code=code,
        signal=signal,
        timed_out=bool(flags & _TIMED_OUT),
        killed=bool(flags & _KILLED),
        error=text_of(payload[_EXIT.size :]) if flags & _NOT_STARTED else "",
        peak_bytes=peak,
        user_seconds=user / 1e6,
        system_seconds=system / 1e6,
        wall_seconds=wall / 1e6,
    )


def look_of(payload: bytes) -> Look:
    """Read the answer to a look."""
    kind, size, device, inode, changed = _LOOK.unpack_from(payload)
    return Look(Kind(kind), size, device, inode, changed, text_of(payload[_LOOK.size :]))


def text_of(payload: bytes) -> str:
    """Read a text at the beginning of a payload."""
    (size,) = _U32.unpack_from(payload)
    return payload[_U32.size : _U32.size + size].decode(errors="replace")


def names_in(payload: bytes) -> Iterator[str]:
    """Read the names that one frame of a folder's listing holds."""
    for name in payload.split(b"\0")[:-1]:
        yield name.decode(errors="surrogateescape")


def _frame(kind: int, payload: bytes) -> bytes:
    return HEAD.pack(len(payload), kind) + payload


def _text(value: str) -> bytes:
    data = value.encode(errors="surrogateescape")
    if b"\0" in data:
        raise ValueError(f"a NUL in {value!r}")
    return _U32.pack(len(data)) + data + b"\0"


def _list(values: Sequence[str]) -> list[bytes]:
    return [_U32.pack(len(values)), *map(_text, values)]
