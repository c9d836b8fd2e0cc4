"""What datums made here goes into a folder of the user's, over nothing that is there."""

from __future__ import annotations

from pathlib import Path

import pytest

from hathi.cli.errors import CliError
from hathi.cli.local.kept import Output, require_fresh
from hathi.cli.render.local import listing


def test_a_folder_is_fresh_when_it_is_missing_or_empty(tmp_path: Path) -> None:
    require_fresh("")
    require_fresh(str(tmp_path))
    require_fresh(str(tmp_path / "new" / "er"))
    (tmp_path / "file").touch()
    with pytest.raises(CliError, match=f"^{tmp_path} is not empty"):
        require_fresh(str(tmp_path))
    with pytest.raises(CliError, match=f"cannot write to {tmp_path}/file: Not a directory"):
        require_fresh(str(tmp_path / "file"))


def test_a_name_breaks_no_line_and_moves_no_cursor(tmp_path: Path) -> None:
    outputs = [Output(path, 1, tmp_path) for path in ("/a\nb", "/\x1b[2J", "/é 語", "/\udcff")]
    assert [line.split(maxsplit=1)[1] for line in listing(outputs)[1:]] == ["/a\\nb", "/\\x1b[2J", "/é 語", "/\\udcff"]
