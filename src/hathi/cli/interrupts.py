"""Whoever ends a command from outside interrupts it, so that what it has made is cleaned up."""

from __future__ import annotations

import signal
from typing import NoReturn


def interrupt_on_end() -> None:
    """Take a request to end, from a CI service or by a terminal that is closed, for an interruption."""

    def interrupt(*_: object) -> NoReturn:
        raise KeyboardInterrupt

    for each in (signal.SIGTERM, signal.SIGHUP):
        if signal.getsignal(each) != signal.SIG_IGN:  # nohup
            signal.signal(each, interrupt)
