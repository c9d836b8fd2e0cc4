"""The edit-see loop where pipelines run in containers: a save builds, runs and shows, and leaves nothing in the end."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from docker.errors import NotFound
from e2e.containers.registry import Registry
from e2e.containers.support import Images, by_hand
from e2e.support import Pachctl, run
from e2e.watched import Watched, save

pytestmark = pytest.mark.e2e

SAY = "echo VERSION in $(/bin/busybox cat /base) >&2; cp /pfs/in/* /pfs/out/"
LIMIT = "cat /sys/fs/cgroup/memory.max 2> /dev/null || cat /sys/fs/cgroup/memory/memory.limit_in_bytes"


@pytest.fixture
def repo(pachctl: Pachctl, name: str) -> str:
    pachctl("create", "repo", name)
    pachctl("put", "file", f"{name}@master:/a", text="alpha")
    pachctl("put", "file", f"{name}@master:/b", text="beta")
    return name


@pytest.fixture
def project(tmp_path: Path, repo: str, busybox: str) -> Path:
    """A folder with a spec, a Dockerfile and the program that goes into the image."""
    folder = tmp_path / "project"
    folder.mkdir()
    (folder / "Dockerfile").write_text(f"FROM {busybox}\nRUN echo {repo} > /base\nCOPY say.sh /say.sh\n")
    (folder / ".dockerignore").write_text("notes\n")
    (folder / "say.sh").write_text(SAY.replace("VERSION", "one"))
    write(folder, repo, image="team/say", cmd=["/bin/sh", "/say.sh"])
    return folder


def write(folder: Path, repo: str, spec: dict[str, Any] | None = None, **transform: Any) -> Path:
    leaf = {"pfs": {"name": "in", "repo": repo, "glob": "/*"}}
    place = folder / "spec.json"
    save(place, json.dumps({"pipeline": {"name": f"{repo}-p"}, "transform": transform, "input": leaf, **(spec or {})}))
    return place


@pytest.fixture
def watched(pachctl: Pachctl, scratch: Path, project: Path) -> Iterator[Watched]:
    started = Watched(pachctl, project / "spec.json")
    yield started
    started.interrupt()


def tried(engine: Any, pid: int) -> list[Any]:
    """The images that a pachctl has built to try."""
    images = engine.images(filters={"label": "hathi.tried-by"})
    return [each for each in images if each["Labels"]["hathi.tried-by"].endswith(f":{pid}")]


def steps_of(engine: Any, repo: str) -> list[str]:
    """The images that steps of a build have left, known by what this test alone writes."""
    step = f"echo {repo} > /base"
    nameless = [
        each["Id"] for each in engine.images(all=True) if not each["RepoTags"] or "<none>:<none>" in each["RepoTags"]
    ]
    return [id for id in nameless if any(step in (layer["CreatedBy"] or "") for layer in history_of(engine, id))]


def history_of(engine: Any, id: str) -> list[dict[str, Any]]:
    try:
        return list(engine.history(id))
    except NotFound:
        return []  # somebody else's, and removed meanwhile


def test_each_save_builds_the_image_and_shows_what_it_makes(
    pachctl: Pachctl, project: Path, repo: str, watched: Watched, engine: Any, scratch: Path
) -> None:
    first = watched.again()
    assert f"one in {repo}" in first
    assert "image built in" in first
    assert "5B   /a" in first
    assert "success: " in first
    assert "4B   /b" not in first, "the sample is one datum"
    commits = [each["commit_set"] for each in pachctl.json("list", "commit")]

    save(project / "say.sh", SAY.replace("VERSION", "two"))
    second = watched.again()
    assert f"two in {repo}" in second
    assert len(tried(engine, watched.process.pid)) == 1, "what is not run any more is not kept"

    (project / "notes").write_text("not in the context")
    (project / ".say.sh.swp").write_text("an editor's own")
    (project / "sub").mkdir()
    save(project / "sub" / "more", "in it")
    assert watched.again().startswith("changed: more\n")

    (project / "say.sh").unlink()
    gone = watched.again()
    assert "cannot build" in gone
    assert "say.sh" in gone
    (project / "say.sh").write_text("x")
    (project / "Dockerfile").write_text((project / "Dockerfile").read_text() + "RUN echo because; false\n")
    broken = watched.again()
    while "because" not in broken:  # the first of the two saves may be seen alone
        broken = watched.again()
    assert "because\n" in broken
    assert "non-zero code" in broken
    assert "datum" not in broken

    assert watched.interrupt() == 130
    assert tried(engine, watched.process.pid) == []
    assert steps_of(engine, repo) == []
    assert by_hand(engine, scratch) == []
    assert list(scratch.iterdir()) == []
    assert [each["commit_set"] for each in pachctl.json("list", "commit")] == commits


def test_a_build_that_is_interrupted_leaves_nothing(
    pachctl: Pachctl, project: Path, repo: str, engine: Any, scratch: Path
) -> None:
    (project / "Dockerfile").write_text((project / "Dockerfile").read_text() + "RUN sleep 600\n")
    watched = Watched(pachctl, project / "spec.json")
    watched.until("RUN sleep")
    assert watched.interrupt() == 130
    assert steps_of(engine, repo) == []
    assert list(scratch.iterdir()) == []


def test_a_spec_is_read_again_when_it_is_saved_and_its_mistakes_are_told(
    images: Images, repo: str, tmp_path: Path, pachctl: Pachctl, scratch: Path
) -> None:
    one, two = (images.busybox(f"{version}:1", changes=[f"ENV VERSION={version}"]) for version in ("one", "two"))
    show = {"cmd": ["/bin/sh"], "stdin": [f"echo is $VERSION; {LIMIT}"]}
    place = write(tmp_path, repo, image=one, **show)
    watched = Watched(pachctl, place)
    try:
        assert "is one\n" in watched.again()
        save(place, "{")
        assert f"{place}:1:" in watched.again()
        write(tmp_path, repo, {"resource_limits": {"memory": "much"}}, image=two, **show)
        assert 'resource_limits.memory: "much" is not a quantity' in watched.again()
        write(tmp_path, repo, {"resource_limits": {"memory": "64Mi"}}, image=two, **show)
        assert f"is two\n{64 << 20}\n" in watched.again()
    finally:
        watched.interrupt()


def test_an_image_that_needs_no_registry_is_applied_without_one(
    pachctl: Pachctl, project: Path, repo: str, images: Images
) -> None:
    done = pachctl.run("dev", "-f", str(project / "spec.json"), "--all", "--apply", check=True).stderr.decode()
    assert "pushed" not in done
    assert run(pachctl, f"{repo}-p")["state"] == "JOB_SUCCESS"
    image = pachctl.json("inspect", "pipeline", f"{repo}-p")[0]["details"]["transform"]["image"]
    assert image.startswith("team/say:")
    images.built(image)
    assert pachctl("get", "file", f"{repo}-p@master:/b") == "beta"


def test_an_image_with_a_registry_is_pushed_when_applied(
    pachctl: Pachctl, project: Path, repo: str, images: Images, tmp_path: Path
) -> None:
    (tmp_path / "registry").mkdir()
    registry = Registry(tmp_path / "registry")
    try:
        (project / "say.sh").write_text("exit 9")
        words = ("dev", "-f", str(project / "spec.json"), "--apply", "--registry", registry.host)
        assert "the command exited with status 9" in pachctl.fails(*words)
        (project / "say.sh").write_text(SAY)
        pachctl(*words)
        (tag,) = registry.tags("team/say")
        image = pachctl.json("inspect", "pipeline", f"{repo}-p")[0]["details"]["transform"]["image"]
        assert image == f"{registry.host}/team/say:{tag}"
    finally:
        registry.stop()
        registry.forget(images)


def test_what_a_killed_one_left_is_removed_by_the_next(
    pachctl: Pachctl, project: Path, engine: Any, watched: Watched
) -> None:
    watched.again()
    watched.process.kill()
    watched.process.wait()
    assert len(tried(engine, watched.process.pid)) == 1
    pachctl("dev", "-f", str(project / "spec.json"))
    assert tried(engine, watched.process.pid) == []


def test_code_is_built_in_a_builder_image_once_and_runs_in_its_own(
    pachctl: Pachctl, repo: str, images: Images, busybox: str, tmp_path: Path, scratch: Path
) -> None:
    scripts = {
        "work__build.sh": b"cat built-here\ncp /pfs/source/program /pfs/out/program\ncp run.sh /pfs/out/run.sh\n",
        "work__run.sh": b"sh /pfs/build/program\n",
        "work__built-here": b"built here\n",
    }
    builder = images.busybox("builder:1", ["WORKDIR /work", "ENV PATH=/bin"], **scripts)
    (tmp_path / "code").mkdir()
    program = tmp_path / "code" / "program"
    program.write_text("ls /work > /dev/null 2>&1 || echo runs elsewhere\ncp /pfs/in/* /pfs/out/\n")
    build = {"image": builder, "path": "code"}
    place = write(tmp_path, repo, build=build, image=busybox, cmd=["/bin/sh", "/pfs/build/run.sh"])
    watched = Watched(pachctl, place)
    try:
        first = watched.again()
        assert "built here\n" in first
        assert "runs elsewhere\n" in first
        assert "5B   /a" in first
        save(place, place.read_text() + "\n")
        assert "built" not in watched.again(), "the code is as it was"
        save(program, "echo changed\n")
        third = watched.again()
        assert "built here\n" in third
        assert "changed\n" in third
    finally:
        watched.interrupt()
    assert list(scratch.iterdir()) == []


def test_a_datum_runs_as_its_spec_says(pachctl: Pachctl, repo: str, busybox: str, tmp_path: Path) -> None:
    limits = {"resource_limits": {"memory": "64Mi"}, "datum_timeout": "2s", "datum_tries": 1}
    how = {"image": busybox, "user": "1000:7", "working_dir": "/tmp", "env": {"OWN": "a b"}}

    def lines(script: str, **more: Any) -> str:
        place = write(tmp_path, repo, limits, **{**how, "cmd": ["/bin/sh"], "stdin": [script], **more})
        done = pachctl.run("dev", "-f", str(place))
        return done.stderr.decode() + str(done.returncode)

    seen = lines(f"id; pwd; echo $OWN; {LIMIT}; exit 3", accept_return_code=[3])
    assert seen.startswith(f"uid=1000 gid=7 groups=7\n/tmp\na b\n{64 << 20}\nsuccess")
    handled = lines("exit 4", err_cmd=["/bin/sh", "-c", "echo handled"])
    assert "handled\nrecovered" in handled
    assert handled.endswith("0")
    late = lines("while :; do :; done")
    assert "it was ended after the datum timeout of 2 s" in late
    assert late.endswith("1")
