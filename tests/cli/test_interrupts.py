"""Cleaning up is not interrupted by whoever asks for it twice."""

from __future__ import annotations

import signal

import pytest

from hathi.cli.interrupts import undisturbed


def test_a_second_interruption_waits_for_the_end_of_what_the_first_one_started() -> None:
    done, before = [], signal.getsignal(signal.SIGTERM)
    with pytest.raises(KeyboardInterrupt), undisturbed():
        signal.raise_signal(signal.SIGTERM)
        signal.raise_signal(signal.SIGINT)
        done.append("cleaned up")
    assert done == ["cleaned up"]
    assert signal.getsignal(signal.SIGTERM) is before


def test_what_is_left_alone_ends_by_itself() -> None:
    with undisturbed():
        pass
