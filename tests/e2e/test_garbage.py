"""Deleted data gives its space back, as an operator sees it."""

from __future__ import annotations

import random
from collections.abc import Iterator
from pathlib import Path

import pytest
from e2e.support import Pachctl, Pachd, run, spec

pytestmark = pytest.mark.e2e


def stored(pachd: Pachd) -> int:
    return sum(path.stat().st_size for path in (pachd.root / "objects").rglob("*") if path.is_file())


@pytest.fixture
def pachd(tmp_path: Path) -> Iterator[Pachd]:
    """A server that collects garbage only when it is asked to."""
    server = Pachd(tmp_path / "root", "--gc-interval", "0").start()
    yield server
    server.stop()


def test_the_disk_is_free_again_after_a_repo_was_deleted(pachd: Pachd, pachctl: Pachctl, tmp_path: Path) -> None:
    (tmp_path / "large").write_bytes(random.Random(1).randbytes(8 << 20))
    pachctl("create", "repo", "kept")
    pachctl("put", "file", "kept@master:/x", text="kept")
    pachctl("create", "pipeline", text=spec("copies", "kept", "cp /pfs/kept/* /pfs/out/"))
    assert run(pachctl, "copies")["state"] == "JOB_SUCCESS"
    before = stored(pachd)
    pachctl("create", "repo", "large")
    pachctl("put", "file", "large@master:/large", "-f", str(tmp_path / "large"))
    pachctl("put", "file", "kept@master:/y", text="kept too")
    pachctl("delete", "repo", "large", "--force")
    assert "would free 8" in pachctl("gc", "--dry-run")
    assert stored(pachd) > before + (8 << 20)
    told = pachctl("inspect", "cluster").splitlines()
    assert len(told[0]) == 32 and any("which `pachctl gc` frees" in line for line in told)
    assert pachctl("gc").startswith("freed 8")
    assert stored(pachd) < before + 100_000
    pachd.kill()
    pachd.start()
    assert pachctl("get", "file", "copies@master:/x") == "kept"
    pachctl("put", "file", "kept@master:/z", text="again")
    assert run(pachctl, "copies")["state"] == "JOB_SUCCESS"
