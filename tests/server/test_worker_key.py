"""The key for workers' tokens lies in the root folder, and nobody else can read it."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from hathi.model.errors import PreconditionError
from hathi.server import worker_key


def test_a_key_is_made_once_and_readable_by_its_owner_alone(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        key = worker_key.load(tmp_path)
    finally:
        os.umask(before)
    assert worker_key.load(tmp_path) == key
    assert stat.S_IMODE((tmp_path / "worker-key").stat().st_mode) == 0o600
    assert [path.name for path in tmp_path.iterdir()] == ["worker-key"]


def test_a_draft_of_a_server_that_was_killed_is_no_key(tmp_path: Path) -> None:
    (tmp_path / "worker-key.new").write_text("half")
    assert len(worker_key.load(tmp_path)) == 32


@pytest.mark.parametrize("content", ["", "not hexadecimal", "ab"])
def test_a_file_that_holds_no_key_is_refused_with_the_way_out(tmp_path: Path, content: str) -> None:
    (tmp_path / "worker-key").write_text(content)
    with pytest.raises(PreconditionError, match=r"holds no key for workers.*Delete it to have another made"):
        worker_key.load(tmp_path)
