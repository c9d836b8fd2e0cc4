"""Build pipelines end to end, without any container engine: the builders' own scripts run in the sandbox."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
from e2e.packages import wheel
from e2e.support import Pachctl, run, spec, unavailable

pytestmark = pytest.mark.e2e

MAIN_PY = """
import os, sys
from pathlib import Path

import shouting

for file in Path("/pfs/words").iterdir():
    Path("/pfs/out", file.name).write_text(shouting.shout(file.read_text()) + " ".join(sys.argv[1:]))
print("shouted with", shouting.__version__)
"""

MAIN_GO = """package main

import (
	"os"
	"path/filepath"

	"example.com/shouting"
)

func main() {
	files, _ := filepath.Glob("/pfs/words/*")
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err != nil {
			panic(err)
		}
		os.WriteFile("/pfs/out/"+filepath.Base(file), []byte(shouting.Shout(string(data))), 0o644)
	}
}
"""


@pytest.fixture
def packages(tmp_path: Path) -> Iterator[str]:
    """The address of a page that offers two versions of a package."""
    wheel(tmp_path / "packages", "1.0", "!")
    wheel(tmp_path / "packages", "2.0+loud", "!!")

    class Quiet(SimpleHTTPRequestHandler):
        def log_message(self, *args: object) -> None:
            pass

    served = ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(tmp_path / "packages")))
    Thread(target=served.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{served.server_port}/"
    served.shutdown()


@pytest.fixture
def python_code(tmp_path: Path) -> Path:
    code = tmp_path / "project" / "source"
    code.mkdir(parents=True)
    (code / "main.py").write_text(MAIN_PY)
    (code / "requirements.txt").write_text("shouting==1.0\n")
    (code / "notes.tmp").write_text("not for the server")
    (code / ".pachignore").write_text("*.tmp\n*.pyc\n")
    return code


def spec_file(code: Path, name: str, words: str, packages: str, **transform: Any) -> str:
    """Write a spec beside the source folder."""
    spec = {
        "pipeline": {"name": name},
        "transform": {
            "build": {"language": "python", "path": f"./{code.name}"},
            "env": {"PIP_NO_INDEX": "1", "PIP_FIND_LINKS": packages},
            **transform,
        },
        "input": {"pfs": {"name": "words", "repo": words, "glob": "/*"}},
    }
    file = code.parent / "pipeline.json"
    file.write_text(json.dumps(spec))
    return str(file)


@pytest.fixture
def words(pachctl: Pachctl, name: str) -> str:
    pachctl("create", "repo", name)
    for word in ("one", "two"):
        pachctl("put", "file", f"{name}@master:/{word}", text=word)
    return name


def read(pachctl: Pachctl, place: str) -> str:
    return pachctl("get", "file", place)


def counters(job: dict[str, Any]) -> tuple[int, int]:
    return int(job.get("data_processed", 0)), int(job.get("data_skipped", 0))


def build_log(pachctl: Pachctl, p: str) -> str:
    return pachctl("logs", "--job", f"{p}_build@{pachctl.head(f'{p}_build@build')}")


def test_python_code_with_a_dependency_is_built_and_run(
    pachctl: Pachctl, words: str, python_code: Path, packages: str
) -> None:
    p = f"{words}-p"
    file = spec_file(python_code, p, words, packages)
    done = pachctl.run("create", "pipeline", "-f", file, check=True)
    assert b"sent 3 of 3 files" in done.stderr
    assert counters(run(pachctl, p)) == (2, 0)
    assert read(pachctl, f"{p}@master:/one") == "ONE!"
    listing = pachctl("list", "file", f"{p}_build@build")
    assert "shouting-1.0-py3-none-any.whl" in listing
    assert "run.sh" in listing
    assert "notes.tmp" not in pachctl("list", "file", f"{p}_build@source")

    # Changed code is sent alone, built with the wheels there are, and every datum runs again.
    (python_code / "main.py").write_text(MAIN_PY.replace("shouting.shout(", "'2:' + shouting.shout("))
    done = pachctl.run("update", "pipeline", "-f", file, check=True)
    assert b"sent 1 of 3 files" in done.stderr
    assert counters(run(pachctl, p)) == (2, 0)
    assert read(pachctl, f"{p}@master:/two") == "2:TWO!"
    assert "taken over" in build_log(pachctl, p)

    # New data alone: the build stays, one datum runs.
    built = pachctl.head(f"{p}_build@build")
    pachctl("put", "file", f"{words}@master:/three", text="three")
    assert counters(run(pachctl, p)) == (1, 2)
    assert pachctl.head(f"{p}_build@build") == built

    # Nothing changed: nothing is sent, nothing runs.
    done = pachctl.run("update", "pipeline", "-f", file, check=True)
    assert b"nothing sent" in done.stderr
    assert counters(run(pachctl, p)) == (0, 3)

    # Another version of the dependency, whose name no repo can hold.
    (python_code / "requirements.txt").write_text("shouting==2.0+loud\n")
    (python_code / "README").write_text("new")
    shutil.move(python_code / "main.py", python_code / "old.py")
    (python_code / "main.py").write_text(MAIN_PY)
    (python_code / "old.py").unlink()
    pachctl("update", "pipeline", "-f", file)
    run(pachctl, p)
    assert read(pachctl, f"{p}@master:/three") == "THREE!!"


def test_arguments_reach_the_program(pachctl: Pachctl, words: str, python_code: Path, packages: str) -> None:
    p = f"{words}-p"
    pachctl(
        "create",
        "pipeline",
        "-f",
        spec_file(python_code, p, words, packages, cmd=["sh", "/pfs/build/run.sh", "and", "a b"]),
    )
    run(pachctl, p)
    assert read(pachctl, f"{p}@master:/one") == "ONE!and a b"


def test_where_they_are_processes_each_datum_has_its_wheels_to_itself(
    pachctl: Pachctl, words: str, python_code: Path, packages: str
) -> None:
    """Nothing that one datum installs is seen, or could be changed, by another."""
    p = f"{words}-p"
    shout = "shouting.shout(file.read_text())"
    (python_code / "main.py").write_text(MAIN_PY.replace(shout, "str(os.stat(shouting.__file__).st_ctime_ns)"))
    pachctl("create", "pipeline", "-f", spec_file(python_code, p, words, packages))
    run(pachctl, p)
    assert "" != read(pachctl, f"{p}@master:/one") != read(pachctl, f"{p}@master:/two") != ""


def test_a_failed_update_leaves_the_old_pipeline_running(
    pachctl: Pachctl, words: str, python_code: Path, packages: str
) -> None:
    p = f"{words}-p"
    file = spec_file(python_code, p, words, packages)
    pachctl("create", "pipeline", "-f", file)
    run(pachctl, p)
    (python_code / "main.py").write_text("raise SystemExit(1)")
    spec_file(python_code, p, "no-such-repo", packages)
    assert "no-such-repo" in pachctl.fails("update", "pipeline", "-f", file)
    pachctl("put", "file", f"{words}@master:/three", text="three")
    assert counters(run(pachctl, p)) == (1, 2)
    assert read(pachctl, f"{p}@master:/three") == "THREE!"
    assert "already exists" in pachctl.fails("create", "pipeline", "-f", file)


def test_reprocess_builds_from_nothing(pachctl: Pachctl, words: str, python_code: Path, packages: str) -> None:
    p = f"{words}-p"
    file = spec_file(python_code, p, words, packages)
    pachctl("create", "pipeline", "-f", file)
    run(pachctl, p)
    pachctl("update", "pipeline", "--reprocess", "-f", file)
    assert counters(run(pachctl, p)) == (2, 0)
    assert "taken over" not in build_log(pachctl, p)


def test_nobody_writes_to_the_source_branch(pachctl: Pachctl, words: str, python_code: Path, packages: str) -> None:
    p = f"{words}-p"
    pachctl("create", "pipeline", "-f", spec_file(python_code, p, words, packages))
    said = pachctl.fails("put", "file", f"{p}_build@source:/main.py", text="x")
    assert "pachctl update pipeline" in said


def test_the_pipeline_that_builds_is_not_updated_by_hand(
    pachctl: Pachctl, words: str, python_code: Path, packages: str
) -> None:
    p = f"{words}-p"
    pachctl("create", "pipeline", "-f", spec_file(python_code, p, words, packages))
    said = pachctl.fails("update", "pipeline", text=spec(f"{p}_build", words, "true"))
    assert f'pipeline "{p}_build" builds the code of pipeline "{p}", so update that one instead' in said


def test_go_code_with_a_dependency_is_built_and_run(pachctl: Pachctl, words: str, tmp_path: Path) -> None:
    if not (shutil.which("go", path="/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin:/usr/local/go/bin")):
        unavailable("go is not installed")
    code = tmp_path / "project"
    dependency = code / "vendor" / "example.com" / "shouting"
    dependency.mkdir(parents=True)
    (code / "main.go").write_text(MAIN_GO)
    (code / "go.mod").write_text("module example.com/words\n\ngo 1.18\n\nrequire example.com/shouting v1.0.0\n")
    (code / "vendor/modules.txt").write_text(
        "# example.com/shouting v1.0.0\n## explicit; go 1.18\nexample.com/shouting\n"
    )
    (dependency / "shouting.go").write_text(
        'package shouting\n\nimport "strings"\n\nfunc Shout(s string) string { return strings.ToUpper(s) + "!" }\n'
    )
    p = f"{words}-p"
    spec = {
        "pipeline": {"name": p},
        "transform": {"build": {"language": "go"}},
        "input": {"pfs": {"name": "words", "repo": words, "glob": "/*"}},
    }
    (code / "spec.json").write_text(json.dumps(spec))
    pachctl("update", "pipeline", "-f", str(code / "spec.json"))
    job = run(pachctl, p)
    assert job["state"] == "JOB_SUCCESS", (job, build_log(pachctl, p))
    assert read(pachctl, f"{p}@master:/two") == "TWO!"
