"""The official builders as images, built from what we ship, and a builder of somebody's own."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from e2e.containers.support import Images, files_in, python_and_pip, state, until
from e2e.packages import wheel
from e2e.support import ROOT, Pachctl, run, unavailable
from e2e.watched import Watched, save

from hathi.images.official import image_of

pytestmark = pytest.mark.e2e

GO = Path("/usr/local/go")

MAIN_PY = """
import pathlib, sys
import shouting
for file in pathlib.Path("/pfs/words").iterdir():
    pathlib.Path("/pfs/out", file.name).write_text(shouting.shout(file.read_text()) + "".join(sys.argv[1:]))
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
		data, _ := os.ReadFile(file)
		os.WriteFile("/pfs/out/"+filepath.Base(file), []byte(shouting.Shout(string(data))), 0o644)
	}
}
"""


def official(images: Images, language: str, of: str) -> Iterator[str]:
    """Build what we ship, under the name that pachctl gives it, where it is told ours."""
    folder = ROOT / "images" / "builders" / language
    name = images.built(image_of(language, images.prefix))
    for line in images.client.build(path=str(folder), tag=name, buildargs={"BASE": of}, rm=True, decode=True):
        assert "error" not in line, line
    yield name


@pytest.fixture
def pachctl(pachctl: Pachctl, images: Images) -> Pachctl:
    """The builders have names of the test's own: real ones are their user's."""
    pachctl.environment["HATHI_BUILDERS"] = images.prefix
    return pachctl


@pytest.fixture(scope="module")
def python_builder(images: Images) -> Iterator[str]:
    yield from official(images, "python", images.workshop("python-base:1", python_and_pip()))


@pytest.fixture(scope="module")
def go_builder(images: Images) -> Iterator[str]:
    if not (GO / "bin" / "go").exists():
        unavailable("no go in /usr/local/go")
    parts = [file for part in ("bin", "pkg", "src") for file in files_in(GO / part, "testdata")]
    files = {str(file).lstrip("/"): file for file in [*parts, GO / "VERSION", GO / "go.env"]}
    yield from official(images, "go", images.workshop("go-base:1", files, "ENV PATH=/usr/local/go/bin:/bin"))


@pytest.fixture
def words(pachctl: Pachctl, name: str) -> str:
    pachctl("create", "repo", name)
    for word in ("one", "two"):
        pachctl("put", "file", f"{name}@master:/{word}", text=word)
    return name


def deploy(pachctl: Pachctl, folder: Path, name: str, words: str, **transform: Any) -> dict[str, Any]:
    spec = {
        "pipeline": {"name": name},
        "transform": transform,
        "input": {"pfs": {"name": "words", "repo": words, "glob": "/*"}},
    }
    (folder / "pipeline.json").write_text(json.dumps(spec))
    pachctl("update", "pipeline", "-f", str(folder / "pipeline.json"))
    job = run(pachctl, name)
    log = pachctl("logs", "--job", f"{name}_build@{pachctl.head(f'{name}_build@build')}")
    assert job["state"] == "JOB_SUCCESS", f"{job}\n{log}"
    return job


def test_python_in_its_builder_image(pachctl: Pachctl, words: str, python_builder: str, tmp_path: Path) -> None:
    code = tmp_path / "source"
    code.mkdir()
    (code / "main.py").write_text(MAIN_PY)
    (code / "requirements.txt").write_text("shouting==1.0\n")
    wheel(code / "vendor", "1.0", "!")
    p = f"{words}-p"
    env = {"PIP_NO_INDEX": "1", "PIP_FIND_LINKS": "/pfs/source/vendor"}
    build = {"language": "python", "path": "source"}
    deploy(pachctl, tmp_path, p, words, build=build, env=env)
    assert pachctl("get", "file", f"{p}@master:/one") == "ONE!"
    inspected = pachctl.json("inspect", "pipeline", f"{p}_build")[0]["details"]["transform"]
    assert (inspected["image"], inspected["cmd"]) == (python_builder, ["sh", "./build.sh"])
    (code / "main.py").write_text(MAIN_PY.replace("shouting.shout(", "'2' + shouting.shout("))
    deploy(pachctl, tmp_path, p, words, build=build, env=env)
    assert pachctl("get", "file", f"{p}@master:/two") == "2TWO!"
    build_job = pachctl.head(f"{p}_build@build")
    assert "taken over" in pachctl("logs", "--job", f"{p}_build@{build_job}")


def test_moving_back_to_older_code_takes_its_wheels_too(
    pachctl: Pachctl, words: str, python_builder: str, tmp_path: Path
) -> None:
    """Wheels of one name and other contents: what ran before has installed its own in the same container."""
    code = tmp_path / "source"
    code.mkdir()
    (code / "main.py").write_text(MAIN_PY)
    (code / "requirements.txt").write_text("--no-index\n--find-links /pfs/source/vendor\nshouting==1.0\n")
    build = {"language": "python", "path": "source"}
    p = f"{words}-p"
    for mark in "!?":
        wheel(code / "vendor", "1.0", mark)
        deploy(pachctl, tmp_path, p, words, build=build)
        assert pachctl("get", "file", f"{p}@master:/one") == f"ONE{mark}"
    old = pachctl.json("inspect", "commit", f"{p}_build@upload^")[0]["commit"]["id"]
    pachctl("create", "branch", f"{p}_build@source", "--head", old)
    run(pachctl, p)
    assert pachctl("get", "file", f"{p}@master:/one") == "ONE!"


def test_a_missing_builder_is_named_with_the_way_to_make_it(
    pachctl: Pachctl, words: str, images: Images, tmp_path: Path
) -> None:
    pachctl.environment["HATHI_BUILDERS"] = f"{images.prefix}/none"
    image = image_of("python", f"{images.prefix}/none")
    (tmp_path / "main.py").write_text(MAIN_PY)
    document = {
        "pipeline": {"name": f"{words}-p"},
        "transform": {"build": {"language": "python"}},
        "input": {"pfs": {"name": "words", "repo": words, "glob": "/*"}},
    }
    (tmp_path / "spec.json").write_text(json.dumps(document))
    said = pachctl.fails("dev", "-f", str(tmp_path / "spec.json"))
    assert f'the image "{image}" cannot be pulled' in said
    assert f"docker build -t {image} /" in said
    pachctl("update", "pipeline", "-f", str(tmp_path / "spec.json"))
    assert f'the image "{image}" cannot be pulled' in until(lambda: state(pachctl, f"{words}-p_build")[1])


def test_python_is_tried_in_its_builder_image_before_it_is_a_pipeline(
    pachctl: Pachctl, words: str, python_builder: str, tmp_path: Path
) -> None:
    (tmp_path / "main.py").write_text(MAIN_PY)
    (tmp_path / "requirements.txt").write_text("shouting==1.0\n")
    wheel(tmp_path / "vendor", "1.0", "!")
    env = {"PIP_NO_INDEX": "1", "PIP_FIND_LINKS": "/pfs/source/vendor"}
    document = {
        "pipeline": {"name": f"{words}-p"},
        "transform": {"build": {"language": "python"}, "env": env},
        "input": {"pfs": {"name": "words", "repo": words, "glob": "/*"}},
    }
    (tmp_path / "spec.json").write_text(json.dumps(document))
    watched = Watched(pachctl, tmp_path / "spec.json")
    try:
        first = watched.again()
        assert "4B   /one" in first, first
        assert "built in" in first
        save(tmp_path / "main.py", MAIN_PY.replace("shouting.shout(", "'2' + shouting.shout("))
        second = watched.again()
        assert "5B   /one" in second, second
        assert "built in" not in second, "no requirement changed"
    finally:
        watched.interrupt()
    assert f"{words}-p" not in pachctl("list", "pipeline")


def test_go_in_its_builder_image_runs_elsewhere(
    pachctl: Pachctl, words: str, go_builder: str, busybox: str, tmp_path: Path
) -> None:
    dependency = tmp_path / "vendor" / "example.com" / "shouting"
    dependency.mkdir(parents=True)
    (tmp_path / "main.go").write_text(MAIN_GO)
    (tmp_path / "go.mod").write_text("module example.com/words\n\ngo 1.18\n\nrequire example.com/shouting v1.0.0\n")
    (tmp_path / "vendor/modules.txt").write_text("# example.com/shouting v1.0.0\n## explicit\nexample.com/shouting\n")
    (dependency / "shouting.go").write_text(
        'package shouting\n\nimport "strings"\n\nfunc Shout(s string) string { return strings.ToUpper(s) + "!" }\n'
    )
    p = f"{words}-p"
    deploy(pachctl, tmp_path, p, words, build={"language": "go"})
    assert pachctl("get", "file", f"{p}@master:/one") == "ONE!"

    # The binary needs nothing of the builder: with another image and command, a new datum runs in that.
    pachctl("put", "file", f"{words}@master:/three", text="three")
    by_hand = "cp /pfs/build/main /tmp/m; /bin/busybox chmod +x /tmp/m; /tmp/m"
    deploy(
        pachctl, tmp_path, p, words, build={"language": "go"}, image=busybox, cmd=["/bin/busybox", "sh", "-c", by_hand]
    )
    assert pachctl("get", "file", f"{p}@master:/three") == "THREE!"


def test_a_builder_of_ones_own_is_an_image_with_two_scripts(
    pachctl: Pachctl, words: str, images: Images, tmp_path: Path
) -> None:
    """Its build.sh stands in the working directory and leaves run.sh; `image` alone names it, or transform.image."""
    scripts: dict[str, bytes | Path] = {
        "work/build.sh": b"cat /pfs/source/part* > /pfs/out/program\ncp run.sh /pfs/out/run.sh\n",
        "work/run.sh": b'for f in /pfs/words/*; do sh /pfs/build/program "$f" > "/pfs/out/${f##*/}"; done\n',
    }
    image = images.workshop("own:1", scripts, "WORKDIR /work")
    code = tmp_path / "code"
    code.mkdir()
    (code / "part1").write_text('cat "$1"\n')
    (code / "part2").write_text("echo '!'\n")
    deploy(pachctl, tmp_path, f"{words}-p", words, build={"image": image, "path": "code"})
    assert pachctl("get", "file", f"{words}-p@master:/one") == "one!\n"
    deploy(pachctl, tmp_path, f"{words}-q", words, build={"path": "code"}, image=image)
    assert pachctl("get", "file", f"{words}-q@master:/two") == "two!\n"
