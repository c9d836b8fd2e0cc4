"""The edit-see loop: save, see what it does to a sample, and commit nothing until told so."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from e2e.support import Pachctl, run
from e2e.watched import Watched, save

pytestmark = pytest.mark.e2e

MAIN = """
import pathlib
for file in pathlib.Path("/pfs/words").iterdir():
    pathlib.Path("/pfs/out", file.name + "-VERSION").write_text(file.read_text())
    print("wrote VERSION")
"""


@pytest.fixture
def project(pachctl: Pachctl, name: str, tmp_path: Path) -> Path:
    """A folder with code and the spec of a build pipeline."""
    pachctl("create", "repo", name)
    pachctl("put", "file", f"{name}@master:/a", text="alpha")
    pachctl("put", "file", f"{name}@master:/b", text="beta!")
    (tmp_path / "code").mkdir()
    (tmp_path / "code" / "main.py").write_text(MAIN.replace("VERSION", "1"))
    spec = {
        "pipeline": {"name": f"{name}-p"},
        "transform": {"build": {"language": "python", "path": "code"}},
        "input": {"pfs": {"repo": name, "name": "words", "glob": "/*"}},
    }
    place = tmp_path / "spec.json"
    place.write_text(json.dumps(spec))
    return place


@pytest.fixture
def watched(pachctl: Pachctl, project: Path) -> Iterator[Watched]:
    started = Watched(pachctl, project)
    yield started
    started.interrupt()


def test_each_save_shows_what_the_code_makes_now(pachctl: Pachctl, project: Path, watched: Watched) -> None:
    commits = [each["commit_set"] for each in pachctl.json("list", "commit")]
    first = watched.until("waiting for changes")
    assert any("/a-1" in line for line in first)
    assert any("wrote 1" in line for line in first)
    code = project.parent / "code" / "main.py"
    save(code, MAIN.replace("VERSION", "2"))
    second = watched.until("waiting for changes")
    assert any("/a-2" in line for line in second)
    assert not any("built in" in line for line in second), "no requirement changed, so nothing was to be built"
    save(code, "1 / 0\n")
    third = watched.until("waiting for changes")
    assert any("ZeroDivisionError" in line for line in third)
    (code.parent / "requirements.txt").write_text("")
    save(code, MAIN.replace("VERSION", "3"))
    fourth = watched.until("/a-3")
    assert not any("/b" in line for line in fourth), "the sample is one datum"
    assert [each["commit_set"] for each in pachctl.json("list", "commit")] == commits


def test_all_datums_run_and_the_pipeline_is_updated_when_told(
    pachctl: Pachctl, project: Path, name: str, tmp_path: Path
) -> None:
    out = pachctl("dev", "-f", str(project), "--all", "-o", str(tmp_path / "out"))
    assert sorted(file.name for file in (tmp_path / "out").iterdir()) == ["a-1", "b-1"]
    assert f"{name}-p" not in pachctl("list", "pipeline")
    pachctl("dev", "-f", str(project), "--apply")
    job = run(pachctl, f"{name}-p")
    there = {each["datum"]["id"][:12] for each in pachctl.json("list", "datum", f"{name}-p@{job['job']['id']}")}
    assert there == {line.split()[1] for line in out.splitlines() if line.startswith("datum")}


def test_code_that_fails_is_not_applied(pachctl: Pachctl, project: Path, name: str) -> None:
    (project.parent / "code" / "main.py").write_text("raise SystemExit(7)\n")
    err = pachctl.fails("dev", "-f", str(project), "--apply")
    assert "the command exited with status 7" in err
    assert "1 of 1 datums failed" in err
    assert f"{name}-p" not in pachctl("list", "pipeline")


def test_a_pipeline_without_a_build_runs_its_command(pachctl: Pachctl, project: Path, name: str) -> None:
    script = project.parent / "count.sh"
    script.write_text("wc -c < $data > /pfs/out/size\n")
    spec = {
        "pipeline": {"name": f"{name}-q"},
        "transform": {"cmd": ["sh", str(script)], "image": "debian:12-slim"},
        "input": {"pfs": {"repo": name, "name": "data", "glob": "/*"}},
    }
    place = project.parent / "other.json"
    place.write_text(json.dumps(spec))
    listed = pachctl("dev", "-f", str(place), "--all").splitlines()
    assert sum(line.endswith("/size") for line in listed) == 2


@pytest.mark.parametrize(
    ("words", "text"),
    [
        (["--datum", "x", "--all"], "at most one"),
        (["--watch", "--apply"], "stop watching"),
        (["--datum", "zz"], "no datum has an id"),
    ],
)
def test_what_cannot_be_meant_is_refused(pachctl: Pachctl, project: Path, words: list[str], text: str) -> None:
    assert text in pachctl.fails("dev", "-f", str(project), *words)
