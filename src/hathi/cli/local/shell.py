"""A person in a datum's sandbox.

The shim gives a command its whole input at once, which is no terminal. The rule: where there is a terminal, the shell
in the sandbox opens one of our own making by its name in /dev, and we pass bytes between that and the user's.
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


def run_shell(command: Command, start: Start) -> Outcome:
    """Run a shell where a datum's command would run: at the terminal, or on what comes from standard input."""
    if not sys.stdin.isatty():
        return start(replace(command, argv=("sh",), stdin=sys.stdin.buffer.read(), timeout=0.0))
    ours, theirs = os.openpty()
    try:
        if command.user:
            os.fchmod(theirs, 0o666)
        enter = replace(command, argv=("sh", "-c", _ENTER, os.ttyname(theirs)), stdin=b"", timeout=0.0)
        with _terminal_of(ours):
            return start(enter)
    finally:
        os.close(ours)
        os.close(theirs)


@contextlib.contextmanager
def _terminal_of(ours: int) -> Iterator[None]:
    """Pass bytes between the user's terminal and `ours` meanwhile; both have the same size throughout."""

    def resize(*_: object) -> None:
        with contextlib.suppress(OSError):
            size = fcntl.ioctl(sys.stdin.fileno(), termios.TIOCGWINSZ, b"\0" * 8)
            fcntl.ioctl(ours, termios.TIOCSWINSZ, size)

    terminal = sys.stdin.fileno()
    before, handler = termios.tcgetattr(terminal), signal.getsignal(signal.SIGWINCH)
    ended, end = os.pipe()
    relay = threading.Thread(target=_relay, args=(terminal, ours, ended), name="terminal", daemon=True)
    resize()
    signal.signal(signal.SIGWINCH, resize)
    tty.setraw(terminal, termios.TCSADRAIN)  # what is typed ahead stays
    relay.start()
    try:
        yield
    finally:
        os.close(end)
        relay.join()
        os.close(ended)
        termios.tcsetattr(terminal, termios.TCSAFLUSH, before)
        signal.signal(signal.SIGWINCH, handler)


def _relay(terminal: int, ours: int, ended: int) -> None:
    while True:
        ready, _, _ = select.select([terminal, ours, ended], [], [])
        if ours in ready:
            _write(sys.stdout.fileno(), os.read(ours, BLOCK))
        elif ended in ready:
            return
        elif terminal in ready:
            _write(ours, os.read(terminal, BLOCK))


def _write(to: int, data: bytes) -> None:
    while data:
        data = data[os.write(to, data) :]
