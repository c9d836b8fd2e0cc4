"""The public Python clients of the original work unmodified, each in an environment of its own."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
from e2e.support import ROOT, Pachd, unavailable

WALKS = Path(__file__).parent / "walks"


@pytest.mark.e2e
@pytest.mark.parametrize(("environment", "walk"), [(".venv-sdk", "sdk.py"), (".venv-pp", "python_pachyderm_7.py")])
def test_a_public_client_does_its_whole_walk(pachd: Pachd, tmp_path: Path, environment: str, walk: str) -> None:
    python = ROOT / environment / "bin" / "python"
    if not python.exists():
        unavailable(f"{environment} is missing; `make clients` installs the public clients")
    done = subprocess.run(
        [str(python), str(WALKS / walk), "127.0.0.1", str(pachd.port), str(tmp_path)],
        capture_output=True,
        text=True,
        timeout=240,
    )
    assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"
    assert done.stdout.endswith("done\n")
