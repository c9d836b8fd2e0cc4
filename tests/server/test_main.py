"""The program around the server: it ends by a signal, whenever that comes."""

from __future__ import annotations

import signal
import sys
from collections.abc import Iterator
from typing import Any

import pytest

from hathi.server import compose, main


@pytest.fixture
def handlers() -> Iterator[None]:
    """Signals mean afterwards what they meant before."""
    before = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)}
    trace = sys.gettrace()
    yield
    sys.settrace(trace)
    for number, handler in before.items():
        signal.signal(number, handler)


def test_a_signal_ends_the_server_also_while_it_begins_to_wait(handlers: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """The signal comes at each line of Python that runs until the wait, and once before it."""
    said: list[str] = []

    class Server:
        def __init__(self, settings: Any) -> None:
            pass

        def start(self) -> str:
            def trace(frame: Any, event: str, arg: Any) -> Any:
                if event == "line" and frame.f_code.co_name == "wait":
                    signal.raise_signal(signal.SIGTERM)
                return trace

            sys.settrace(trace)
            return "localhost:1"

        def stop(self) -> None:
            sys.settrace(None)
            said.append("stopped")

    monkeypatch.setattr(compose, "Server", Server)
    monkeypatch.setattr(main.click, "echo", lambda text: signal.raise_signal(signal.SIGTERM))
    settings: Any = type("Settings", (), {"root": "/root"})()
    main.run(settings)
    assert said == ["stopped"]
