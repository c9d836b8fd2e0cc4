"""The tutorial does what it says: its commands are run in order, and what they print is what the page shows."""

from __future__ import annotations

import contextlib
import os
import re
import signal
import subprocess
from dataclasses import dataclass
from pathlib import Path

import pytest
from e2e.ports import Port
from e2e.support import BIN, ROOT

pytestmark = pytest.mark.e2e

PAGE = ROOT / "docs" / "tutorial.md"
BLOCK = re.compile(r"^```(sh|text)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
MARK = "-- the end of a block --"
ANYTHING = "…"


@dataclass
class Step:
    """A block of commands, and what the page says they print; None when it says nothing."""

    commands: str
    shown: str | None = None


def steps() -> list[Step]:
    found: list[Step] = []
    for kind, text in BLOCK.findall(PAGE.read_text()):
        if kind == "sh":
            found.append(Step(text))
        else:
            found[-1].shown = text
    return found


def pattern(line: str) -> str:
    """A line of the page as a pattern: `…` is anything, and any space is as good as another."""
    words = [".*".join(re.escape(part) for part in word.split(ANYTHING)) for word in line.split()]
    return r"\s+".join(words).replace(r"\s+.*\s+", r"\s+(?:.*\s)?")


def matches(shown: str, printed: str) -> bool:
    want, got = shown.strip().splitlines(), printed.strip().splitlines()
    return len(want) == len(got) and all(re.fullmatch(pattern(a), b.strip()) for a, b in zip(want, got, strict=True))


def test_the_commands_of_the_tutorial_print_what_it_shows(tmp_path: Path) -> None:
    parts = steps()
    assert len(parts) > 8
    script = "set -e\n" + "".join(f"{part.commands}echo '{MARK}'\n" for part in parts)
    home = tmp_path
    held = Port()
    port = str(held.number)
    environment = {
        **{name: value for name, value in os.environ.items() if not name.startswith(("PACH", "HATHI"))},
        "PATH": f"{BIN}:{os.environ['PATH']}",
        "HOME": str(home),
        "HATHI_PORT": port,
        "PACHD_ADDRESS": f"localhost:{port}",
        "PACH_CONFIG": str(home / "config.json"),
    }
    process = subprocess.Popen(
        ["bash", "-c", script],
        cwd=home,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    try:
        out, err = process.communicate(timeout=280)
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
    printed = out.split(f"{MARK}\n")
    log = home / "tutorial" / "pachd.log"
    for part, text in zip(parts, printed, strict=False):
        if part.shown is not None:
            assert matches(part.shown, text), f"{part.commands}\nshows:\n{part.shown}\nbut printed:\n{text}\n{err}"
    assert process.returncode == 0, f"{out}\n{err}\n{log.read_text() if log.exists() else ''}"
    assert len(printed) == len(parts) + 1
