"""The scripts of the builder for Python, with programs of the test's own in place of Python and pip."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from hathi.images.official import FOLDER

PYTHON = """#!/bin/sh
case "$*" in
    *"pip wheel"*) while [ "$1" != -w ]; do shift; done; cp index/*.whl "$2" ;;
    *"pip install"*)
        while [ "$1" != --target ]; do shift; done
        while read -r wheel; do cp "$wheel" "$2"; done < "$4"
        echo installed ;;
    main.py*) shift; echo "$@"; cat "$PYTHONPATH"/*.whl ;;
    *) echo "Python 0" ;;
esac
"""


@pytest.fixture
def pfs(tmp_path: Path) -> Path:
    for name in ("source/index", "out", "build", "previous", "cache", "bin", "scripts", "tmp"):
        (tmp_path / name).mkdir(parents=True)
    (tmp_path / "bin" / "python3").write_text(PYTHON)
    (tmp_path / "bin" / "python3").chmod(0o755)
    (tmp_path / "source" / "requirements.txt").write_text("shouting")
    for name in ("build.sh", "run.sh"):
        text = (FOLDER / "python" / name).read_text()
        (tmp_path / "scripts" / name).write_text(text.replace("/pfs/", f"{tmp_path}/"))
    return tmp_path


def sh(pfs: Path, script: Path, *arguments: str, cache: str = "cache") -> str:
    environment = {
        "PATH": f"{pfs / 'bin'}:{os.environ['PATH']}",
        "BUILDER_CACHE": str(pfs / cache),
        "TMPDIR": str(pfs / "tmp"),
    }
    return subprocess.check_output(["sh", script, *arguments], env=environment, cwd=pfs / "scripts", text=True)


def build(pfs: Path, **wheels: str) -> None:
    """Build the code with wheels of these contents; what was built before was found wanting."""
    for place in ("source/index", "build", "out"):
        for file in (pfs / place).iterdir():
            file.unlink()
    for name, text in wheels.items():
        (pfs / "source" / "index" / f"{name}.whl").write_text(text)
    sh(pfs, pfs / "scripts" / "build.sh")
    for file in (pfs / "out").iterdir():
        file.rename(pfs / "build" / file.name)


def run(pfs: Path, *arguments: str, cache: str = "cache") -> list[str]:
    return sh(pfs, pfs / "build" / "run.sh", *arguments, cache=cache).splitlines()


def test_wheels_are_installed_once_and_again_when_their_contents_are_others_under_the_same_names(pfs: Path) -> None:
    build(pfs, a="one\n", b="two\n")
    assert run(pfs, "x", "y z") == ["installed", "x y z", "one", "two"]
    assert run(pfs, "x") == ["x", "one", "two"]
    build(pfs, a="one\n", b="other\n")
    assert run(pfs, "x") == ["installed", "x", "one", "other"]
    build(pfs, a="one\n", b="two\n")
    assert run(pfs, "x") == ["x", "one", "two"], "back at what was installed first"


def test_where_the_cache_cannot_be_written_each_datum_installs_for_itself(pfs: Path) -> None:
    build(pfs, a="one\n")
    assert run(pfs, "x", cache="none") == ["installed", "x", "one"]
    assert [file.name[:5] for file in (pfs / "tmp").glob("site-*")] == ["site-"]


def test_a_wheel_whose_name_no_repo_can_hold_counts_too(pfs: Path) -> None:
    """Such wheels travel in one file, here with a Python that makes and reads it."""
    archiver = PYTHON.replace(
        "    main.py*",
        '    *"tarfile -c"*) cat "$5" > "$4" ;;\n    *"tarfile -e"*) cp "$4" "$5/a.whl" ;;\n    main.py*',
    )
    (pfs / "bin" / "python3").write_text(archiver)
    build(pfs, **{"a+cpu": "one\n"})
    assert run(pfs, "x") == ["installed", "x", "one"]
    build(pfs, **{"a+cpu": "two\n"})
    assert run(pfs, "x") == ["installed", "x", "two"]
