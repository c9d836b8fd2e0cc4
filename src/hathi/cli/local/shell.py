"""A person in a datum's sandbox.

The shim gives a command its whole input at once, which is no terminal. The rule: where there is a terminal, the shell
in the sandbox opens one of our own making by its name in /dev, and we pass bytes between that and the user's. In a
container, which has a /dev of its own, the engine makes the terminal.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import select
import signal
import sys
import termios
import threading
import tty
from collections.abc import Callable, Iterator
from dataclasses import replace

from hathi.datum.frames import Command, Outcome

BLOCK = 1 << 16
_ENTER = 'exec <>"$0" >&0 2>&0; command -v bash >/dev/null && exec bash -i; exec sh -i'
"""The first word opens the terminal; whoever leads a session without one gets it as its own by doing so."""

Start = Callable[[Command], Outcome]
Resize = Callable[[bytes], None]
"""Takes the size of a terminal, in the form that the kernel gives it."""


def run_shell(command: Command, start: Start, enter: Start | None) -> Outcome:
    """Run a shell where a datum's command would run: at the terminal, or on what comes from standard input.

    enter: opens it at the terminal where that cannot be done by its name.
    """
    if not sys.stdin.isatty():
        return start(replace(command, argv=("sh",), stdin=sys.stdin.buffer.read(), timeout=0.0))
    if enter is not None:
        return enter(command)
    ours, theirs = os.openpty()
    try:
        if command.user:
            os.fchmod(theirs, 0o666)
        named = replace(command, argv=("sh", "-c", _ENTER, os.ttyname(theirs)), stdin=b"", timeout=0.0)
        with _joined(ours, lambda size: _set_size(ours, size)):
            return start(named)
    finally:
        os.close(ours)
        os.close(theirs)


def at_terminal(stream: int, resize: Resize) -> None:
    """Join the user's terminal with a two-way stream until that ends."""
    with _raw(resize):
        _relay(sys.stdin.fileno(), stream, -1)


@contextlib.contextmanager
def _joined(ours: int, resize: Resize) -> Iterator[None]:
    """Join the user's terminal with `ours` meanwhile."""
    ended, end = os.pipe()
    terminal = sys.stdin.fileno()
    relay = threading.Thread(target=_relay, args=(terminal, ours, ended), name="terminal", daemon=True)
    with _raw(resize):
        relay.start()
        try:
            yield
        finally:
            os.close(end)
            relay.join()
            os.close(ended)


@contextlib.contextmanager
def _raw(resize: Resize) -> Iterator[None]:
    """Let every key through, and tell the size of the user's terminal, now and whenever it changes."""
    terminal = sys.stdin.fileno()
    before, handler = termios.tcgetattr(terminal), signal.getsignal(signal.SIGWINCH)

    def changed(*_: object) -> None:
        with contextlib.suppress(OSError):
            resize(fcntl.ioctl(terminal, termios.TIOCGWINSZ, b"\0" * 8))

    changed()
    signal.signal(signal.SIGWINCH, changed)
    tty.setraw(terminal, termios.TCSADRAIN)  # what is typed ahead stays
    try:
        yield
    finally:
        termios.tcsetattr(terminal, termios.TCSAFLUSH, before)
        signal.signal(signal.SIGWINCH, handler)


def _set_size(terminal: int, size: bytes) -> None:
    fcntl.ioctl(terminal, termios.TIOCSWINSZ, size)


def _relay(terminal: int, stream: int, ended: int) -> None:
    """Pass bytes both ways until the stream ends, or `ended` can be read (-1: nothing of the kind)."""
    watched = [terminal, stream, *([ended] if ended >= 0 else [])]
    while True:
        ready, _, _ = select.select(watched, [], [])
        if stream in ready:
            data = os.read(stream, BLOCK)
            if not data:
                return
            _write(sys.stdout.fileno(), data)
        elif ended in ready:
            return
        elif terminal in ready:
            _write(stream, os.read(terminal, BLOCK))


def _write(to: int, data: bytes) -> None:
    while data:
        data = data[os.write(to, data) :]
