"""Where a worker's user code runs: in a sandbox that the worker makes, or in containers that its owner starts."""

from __future__ import annotations

import json
import os
import sys
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from hathi.datum import environment
from hathi.datum.cgroup import Cgroup
from hathi.datum.container import Ending, Link
from hathi.datum.hidden import HostView
from hathi.datum.sandbox import Sandbox, start_sandbox
from hathi.worker.loop import Sandboxes

Listener = Callable[[str], None]
"""Takes a line that the owner wrote."""


@dataclass(frozen=True, slots=True)
class Ground:
    """sandbox: returns a living one. The rest is as in `Bench`. heard: takes what the owner says. close: ends it."""

    sandbox: Callable[[], Sandbox]
    base: Mapping[str, str]
    defaults: Mapping[str, Any] = field(default_factory=dict)
    image: str = ""
    heard: Listener = lambda line: None
    close: Callable[[], None] = lambda: None


def sandboxed(shim: Path, stage: Path, scratch: Path, view: HostView, group: Cgroup) -> Ground:
    """Make the first sandbox and say `ready`; SandboxGone when that cannot be.

    To be called from a thread that lasts as long as the process: the kernel ends the sandbox with the thread.
    """
    sandboxes = Sandboxes(lambda: start_sandbox(shim, stage, scratch, view, group))
    sandboxes.get()
    say("ready")
    return Ground(
        sandboxes.get, {"PATH": os.environ.get("PATH", environment.DEFAULT_PATH)}, close=lambda: sandboxes.close()
    )


def contained(shim: Path, stage: Path, scratch: Path, image: Path) -> Ground:
    """Wait for containers of an image that a JSON file tells of: {"name", "env", "user", "brings_shim"}."""
    about = json.loads(image.read_text())
    link = Link(scratch, stage, None if about["brings_shim"] else shim, say)

    def heard(line: str) -> None:
        serial, _, told = line.partition(" ")
        link.ended(int(serial), Ending(**json.loads(told)))

    return Ground(
        sandbox=link.get,
        base={"PATH": environment.DEFAULT_PATH, **about["env"]},
        defaults={"user": about["user"]},
        image=about["name"],
        heard=heard,
    )


def say(line: str) -> None:
    """Tell the owner."""
    with _saying:
        sys.stdout.write(f"{line}\n")
        sys.stdout.flush()


_saying = threading.Lock()
