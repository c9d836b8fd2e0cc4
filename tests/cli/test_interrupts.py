"""A command that is asked to end does so, wherever the request strikes."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator

import pytest

from hathi.cli import interrupts

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


@pytest.fixture(autouse=True)
def _handlers(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    before = {each: signal.getsignal(each) for each in SIGNALS}
    monkeypatch.setattr(interrupts, "_interrupted", False)
    interrupts.interrupt_on_end()
    yield
    for each, handler in before.items():
        signal.signal(each, handler)


@pytest.mark.parametrize("each", SIGNALS)
def test_a_request_to_end_interrupts(each: signal.Signals) -> None:
    with pytest.raises(KeyboardInterrupt):
        os.kill(os.getpid(), each)


class Finalised:
    def __del__(self) -> None:
        os.kill(os.getpid(), signal.SIGINT)


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_an_interruption_that_strikes_a_finaliser_is_found_by_who_waits() -> None:
    interrupts.pause(0)
    thing = Finalised()
    del thing
    with pytest.raises(KeyboardInterrupt):
        interrupts.pause(0)
