"""Whoever ends a command from outside interrupts it, so that what it has made is cleaned up.

An interruption may strike while the interpreter runs code whose errors it drops: a finaliser, a callback. Then it is
lost, and a command that waits for ever would go on. So it is remembered, and who waits looks: `pause`.
"""

from __future__ import annotations

import signal
import time
from typing import NoReturn

_interrupted = False


def interrupt_on_end() -> None:
    """Take a request to end, by Ctrl-C, from a CI service or by a terminal that is closed, for an interruption."""
    for each in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        if signal.getsignal(each) != signal.SIG_IGN:  # nohup
            signal.signal(each, _interrupt)


def pause(seconds: float) -> None:
    """Sleep. Raises KeyboardInterrupt even if that was raised before where nobody could see it."""
    if _interrupted:
        raise KeyboardInterrupt
    time.sleep(seconds)


def _interrupt(*_: object) -> NoReturn:
    global _interrupted
    _interrupted = True
    raise KeyboardInterrupt
