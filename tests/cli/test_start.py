"""pachctl starts fast: what a command does not need is not loaded."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

PROGRAM = """
import sys
from hathi.cli.main import run
code = run({words!r}, {{"PACH_CONFIG": {config!r}}})
slow = ("grpc", "google.protobuf", "rich", "yaml", "sqlalchemy", "urllib.request")
heavy = [name for name in slow if name in sys.modules]
assert code == 0 and not heavy, (code, heavy)
"""


def test_the_client_s_version_and_help_load_nothing_heavy(tmp_path: Path) -> None:
    config = str(tmp_path / "there is none")
    for words in (["version", "--client-only"], ["--help"], ["list"], ["config", "list", "context"]):
        done = subprocess.run(
            [sys.executable, "-c", PROGRAM.format(words=words, config=config)], capture_output=True, text=True
        )
        assert done.returncode == 0, done.stderr
