"""From `git push` to workers on a new image, with a real engine, a real registry and a real Git repository."""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from docker.errors import NotFound
from e2e.actions import Action, runner_environment
from e2e.containers.registry import Registry
from e2e.containers.support import Images
from e2e.support import BIN, ROOT, Pachctl, Pachd, counts, run, unavailable

pytestmark = pytest.mark.e2e

EXAMPLE = ROOT / "examples" / "ci-cd"


@pytest.fixture(scope="module")
def registry(tmp_path_factory: pytest.TempPathFactory, images: Images) -> Iterator[Registry]:
    served = Registry(tmp_path_factory.mktemp("registry"))
    yield served
    served.stop()
    served.forget(images)


@pytest.fixture(scope="module")
def python_image(images: Images) -> str:
    return images.python("python-for-ci:1")


class Git:
    """A working copy of the example, and the bare repository on the server that it is pushed to."""

    def __init__(self, folder: Path, base: str, environment: dict[str, str]) -> None:
        self.bare = folder / "server.git"
        self.copy = folder / "copy"
        self.environment = {
            **environment,
            "PATH": f"{BIN}:{environment['PATH']}",
            "DOCKER_BUILDKIT": "0",
            "GIT_CONFIG_GLOBAL": os.devnull,
            **{f"GIT_{who}_{what}": "kim@example.com" for who in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")},
        }
        shutil.copytree(EXAMPLE, self.copy, ignore=shutil.ignore_patterns("__pycache__"))
        docker = self.copy / "Dockerfile"
        docker.write_text(docker.read_text().replace("python:3.12-slim", base))
        self("init", "-q", "--bare", str(self.bare), at=folder)
        self("init", "-q", "-b", "main")
        self("remote", "add", "origin", str(self.bare))

    def __call__(self, *words: str, at: Path | None = None, check: bool = True) -> str:
        command = ["git", *words]
        done = subprocess.run(command, cwd=at or self.copy, env=self.environment, capture_output=True, text=True)
        assert done.returncode == 0 or not check, done.stderr
        return done.stdout + done.stderr

    def push(self, why: str) -> tuple[str, str]:
        """Commit everything and push; returns the commit and what the server said."""
        self("add", "-A")
        self("commit", "-q", "--allow-empty", "-m", why)
        said = self("push", "origin", "main", check=False)
        return self("rev-parse", "HEAD").strip(), said


@pytest.fixture
def git(tmp_path: Path, pachctl: Pachctl, python_image: str) -> Git:
    for program in ("git", "make", "docker"):
        if shutil.which(program) is None:
            unavailable(f"no {program} on this machine")
    return Git(tmp_path, python_image, pachctl.environment)


def spec_of(pachctl: Pachctl, pipeline: str) -> tuple[str, str]:
    """A pipeline's version and image."""
    info = pachctl.json("inspect", "pipeline", pipeline)[0]
    return str(info["version"]), str(info["details"]["transform"]["image"])


def worker_images(engine: Any, pipeline: str, version: int) -> set[str]:
    """The ids of the images that the workers of a pipeline's version run."""
    return {str(each["ImageID"]) for each in workers(engine, f"{pipeline}/v{version}")}


def workers(engine: Any, group: str) -> list[dict[str, Any]]:
    return list(engine.containers(all=True, filters={"label": f"hathi.group=default/{group}"}))


@pytest.fixture
def pipeline(pachctl: Pachctl, engine: Any, name: str, registry: Registry) -> Iterator[str]:
    """A name for a pipeline, whose workers are gone before the registry's images go."""
    yield name
    left = [each for each in engine.containers(all=True) if name in each["Labels"].get("hathi.group", "")]
    pachctl.run("delete", "pipeline", name)
    for each in left:
        with contextlib.suppress(NotFound):
            engine.wait(each["Id"], condition="removed", timeout=60)


def test_a_push_rolls_out_and_a_failing_unit_test_stops_it(
    git: Git, pachctl: Pachctl, registry: Registry, engine: Any, pipeline: str
) -> None:
    image = f"{registry.host}/{pipeline}"
    shutil.copy(EXAMPLE / "hooks" / "post-receive", git.bare / "hooks" / "post-receive")
    git("config", "hathi.image", image, at=git.bare)
    spec = git.copy / "pipeline.json"
    spec.write_text(spec.read_text().replace('"wordcount"', f'"{pipeline}"').replace('"texts"', f'"{pipeline}-in"'))
    (git.copy / "count.py").write_text((git.copy / "count.py").read_text().replace("/pfs/texts", f"/pfs/{pipeline}-in"))
    pachctl("create", "repo", f"{pipeline}-in")
    pachctl("put", "file", f"{pipeline}-in@master:/a", text="Tea, good tea!")

    first, said = git.push("the first version")
    assert f"{first} is rolled out" in said, said
    assert registry.tags(pipeline) == [first]
    assert spec_of(pachctl, pipeline) == ("1", f"{image}:{first}")
    assert run(pachctl, pipeline)["state"] == "JOB_SUCCESS"
    assert pachctl("get", "file", f"{pipeline}@master:/a.json") == '{"good": 1, "tea": 2}'
    assert worker_images(engine, pipeline, 1) == {engine.inspect_image(f"{image}:{first}")["Id"]}

    (git.copy / "count.py").write_text((git.copy / "count.py").read_text().replace("[a-z]+", "[a-z]{4,}"))
    _, said = git.push("leave short words out, and forget the tests")
    assert "NOT rolled out" in said
    assert "FAILED" in said, "the output of the unit tests is shown to whoever pushed"
    assert registry.tags(pipeline) == [first]
    assert spec_of(pachctl, pipeline) == ("1", f"{image}:{first}")

    tests = git.copy / "test_count.py"
    tests.write_text(tests.read_text().replace('{"tea": 2, "good": 1}', '{"good": 1}').replace('"tea"', '"teas"'))
    second, said = git.push("the tests know now")
    assert f"{second} is rolled out" in said, said
    assert sorted(registry.tags(pipeline)) == sorted([first, second])
    assert spec_of(pachctl, pipeline) == ("2", f"{image}:{second}")
    assert counts(run(pachctl, pipeline)) == (1, 0, 1), "the Makefile decides that old data see new code"
    assert pachctl("get", "file", f"{pipeline}@master:/a.json") == '{"good": 1}'
    assert worker_images(engine, pipeline, 2) == {engine.inspect_image(f"{image}:{second}")["Id"]}

    git("config", "hathi.tag", "v3", at=git.bare)
    git("config", "hathi.reprocess", "no", at=git.bare)
    git.push("a tag of our own")
    assert spec_of(pachctl, pipeline) == ("3", f"{image}:v3")
    assert counts(run(pachctl, pipeline)) == (0, 1, 1)


def test_the_action_builds_tries_and_rolls_out(
    git: Git, pachctl: Pachctl, docker_pachd: Pachd, registry: Registry, pipeline: str, tmp_path: Path
) -> None:
    spec = git.copy / "pipeline.json"
    spec.write_text(spec.read_text().replace('"wordcount"', f'"{pipeline}"').replace("localhost:5000/", ""))
    pachctl("create", "repo", "texts")
    for number in range(3):
        pachctl("put", "file", f"texts@master:/{number}", text=f"tea {number}")
    action = Action(ROOT / "action.yml")
    inputs = {"address": docker_pachd.address, "registry": registry.host, "sample": "2"}
    git("add", "-A")
    git("commit", "-q", "-m", "one")
    commit = git("rev-parse", "HEAD").strip()

    environment = runner_environment(BIN, "pull_request")
    done, outputs, summary = action.run(git.copy, tmp_path / "t", environment, **inputs)
    assert done.returncode == 0, done.stderr
    assert f"- image `{registry.host}/team/wordcount:{commit}`" in summary
    assert f"| {pipeline} | success | 2 | 0 |" in summary
    assert Path(outputs["junit"]).exists()
    assert registry.tags("team/wordcount") == [commit]
    assert pipeline not in pachctl("list", "pipeline")

    environment = runner_environment(BIN, "push")
    done, _, _ = action.run(git.copy, tmp_path / "t", environment, **inputs, tag="v1", reprocess="true")
    assert done.returncode == 0, done.stderr
    assert spec_of(pachctl, pipeline) == ("1", f"{registry.host}/team/wordcount:v1")
    assert run(pachctl, pipeline)["data_processed"] == "3"
