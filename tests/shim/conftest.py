from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from hathi.datum.frames import Command, Outcome
from hathi.datum.hidden import HostView
from hathi.datum.sandbox import Sandbox, SandboxGone, start_sandbox
from hathi.datum.shim import binary

PATH = "/usr/local/bin:/usr/bin:/bin"


@dataclass
class Place:
    """A sandbox with one datum folder `1`, and what its commands printed."""

    sandbox: Sandbox
    folder: Path
    printed: dict[bool, bytes] = field(default_factory=lambda: {False: b"", True: b""})

    @property
    def out(self) -> str:
        return self.printed[False].decode()

    @property
    def err(self) -> str:
        return self.printed[True].decode()

    def run(self, *argv: str, **more: Any) -> Outcome:
        self.printed = {False: b"", True: b""}
        values: dict[str, Any] = {"env": {"PATH": PATH}, "folder": "1", **more}
        return self.sandbox.run(Command(argv, **values), self._print)

    def sh(self, script: str, **more: Any) -> Outcome:
        return self.run("sh", "-c", script, **more)

    def _print(self, piece: bytes, stderr: bool) -> None:
        self.printed[stderr] += piece


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Callable[..., Place]]:
    """Starts sandboxes that are closed after the test; skips where none can be made."""
    places: list[Place] = []

    def start_(
        hide: Sequence[Path] = (), show: Sequence[Path] = (), cover: Sequence[Path] = (), own: Sequence[Path] = ()
    ) -> Place:
        stage, scratch = tmp_path / "stage", tmp_path / "scratch"
        (stage / "1" / "out").mkdir(parents=True, exist_ok=True)
        scratch.mkdir(exist_ok=True)
        try:
            sandbox = start_sandbox(binary(), stage, scratch, HostView(*map(tuple, (hide, cover, own, show))))
        except SandboxGone as error:
            pytest.skip(f"no sandbox can be made here: {error}")
        places.append(Place(sandbox, stage / "1"))
        return places[-1]

    yield start_
    for place in places:
        place.sandbox.close()


@pytest.fixture
def place(start: Callable[..., Place]) -> Place:
    return start()
