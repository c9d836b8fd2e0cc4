"""Old data does not tax new data: among 20,000 datums only what changed runs, counted outside Hathi.

How many tree nodes that costs is counted in tests/pipelines/test_costs.py, on the same size.
"""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from e2e.knocks import listening
from e2e.support import Pachctl, counts, run, spec, unavailable

pytestmark = pytest.mark.e2e

FILES = 20_000


@pytest.mark.timeout(900)
def test_one_more_file_among_20000_runs_the_command_once(own_pachctl: Pachctl, tmp_path: Path) -> None:
    """The command knocks at a socket of the test: once for the file added, once for the file changed."""
    if shutil.which("bash") is None:
        unavailable("bash is missing; its /dev/tcp is the cheapest way to knock 20,000 times")
    pachctl = own_pachctl
    for number in range(FILES):
        folder = tmp_path / "in" / f"{number // 1000:02}"
        folder.mkdir(parents=True, exist_ok=True)
        (folder / f"{number:05}").write_text(f"{number}\n")
    pachctl("create", "repo", "data")
    pachctl("put", "file", "-r", "data@master:/", "-f", str(tmp_path / "in"))
    with listening() as knocks:
        script = (
            f"file=$(echo /pfs/data/*/*); exec 3<>/dev/tcp/127.0.0.1/{knocks.port}; "
            'echo "${file##*/}" >&3; read -r <&3; cp $file /pfs/out/'
        )
        document = json.loads(spec("p", "data", "")) | {
            "transform": {"cmd": ["bash", "-c", script]},
            "parallelism_spec": {"constant": 2},
            "input": {"pfs": {"repo": "data", "glob": "/*/*"}},
        }
        pachctl("create", "pipeline", text=json.dumps(document))
        assert counts(run(pachctl, "p")) == (FILES, 0, FILES)
        assert len(knocks.lines()) == FILES
        knocks.events.clear()
        pachctl("put", "file", "data@master:/07/new", text="new\n")
        assert counts(run(pachctl, "p")) == (1, FILES, FILES + 1)
        assert knocks.lines() == ["new"]
        pachctl("put", "file", "data@master:/03/03333", text="changed\n")
        assert counts(run(pachctl, "p")) == (1, FILES, FILES + 1)
        assert knocks.lines() == ["new", "03333"]
        pachctl("delete", "file", "data@master:/03/03334")
        assert counts(run(pachctl, "p")) == (0, FILES, FILES)
        assert knocks.lines() == ["new", "03333"]
    assert pachctl("get", "file", "p@master:/03333") == "changed\n"
    assert "not found" in pachctl.fails("get", "file", "p@master:/03334")
