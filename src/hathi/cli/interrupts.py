"""Whoever ends a command from outside interrupts it, so that what it has made is cleaned up."""

from __future__ import annotations

import contextlib
import signal
import threading
from collections.abc import Iterator
from typing import NoReturn

_ENDINGS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


def interrupt_on_end() -> None:
    """Take a request to end, from a CI service or by a terminal that is closed, for an interruption."""

    def interrupt(*_: object) -> NoReturn:
        raise KeyboardInterrupt

    for each in (signal.SIGTERM, signal.SIGHUP):
        if signal.getsignal(each) != signal.SIG_IGN:  # nohup
            signal.signal(each, interrupt)


@contextlib.contextmanager
def undisturbed() -> Iterator[None]:
    """Let what is within come to its end: whoever wants to interrupt it meanwhile does so afterwards.

    CI services ask several times, and people press Ctrl-C again, while the first interruption is being cleaned up.
    """
    if threading.current_thread() is not threading.main_thread():
        yield  # where no signals arrive
        return
    asked: list[int] = []
    heard = [each for each in _ENDINGS if signal.getsignal(each) != signal.SIG_IGN]
    before = {each: signal.signal(each, lambda number, _: asked.append(number)) for each in heard}
    try:
        yield
    finally:
        for each, handler in before.items():
            signal.signal(each, handler)
    if asked:
        raise KeyboardInterrupt
