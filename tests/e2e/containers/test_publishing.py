"""`--build` and `--push-images` with a real engine and real registries."""

from __future__ import annotations

import base64
import json
import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import docker
import pytest
from e2e.containers.registry import PASSWORD, USER, Registry
from e2e.containers.support import Images, contained, state, until
from e2e.support import Pachctl, counts, run

pytestmark = pytest.mark.e2e


@pytest.fixture(scope="module")
def registry(tmp_path_factory: pytest.TempPathFactory, images: Images) -> Iterator[Registry]:
    served = Registry(tmp_path_factory.mktemp("registry"))
    yield served
    served.stop()
    served.forget(images)


@pytest.fixture
def closed_registry(tmp_path: Path, images: Images) -> Iterator[Registry]:
    """A registry for one user."""
    (tmp_path / "closed").mkdir()
    served = Registry(tmp_path / "closed", closed=True)
    yield served
    served.stop()
    served.forget(images)


@pytest.fixture
def login(tmp_path: Path, pachctl: Pachctl) -> Path:
    """The folder of the local Docker configuration, which is empty."""
    folder = tmp_path / "docker"
    folder.mkdir()
    pachctl.environment["DOCKER_CONFIG"] = str(folder)
    return folder


@pytest.fixture
def project(tmp_path: Path, busybox: str) -> Path:
    """A folder with a Dockerfile and the program that goes into the image."""
    folder = tmp_path / "project"
    folder.mkdir()
    (folder / "Dockerfile").write_text(f"FROM {busybox}\nCOPY say.sh /say.sh\n")
    (folder / "say.sh").write_text("for f in /pfs/in/*; do cp $f /pfs/out/; done; echo one > /pfs/out/said")
    return folder


@pytest.fixture
def repo(pachctl: Pachctl, name: str) -> str:
    pachctl("create", "repo", name)
    pachctl("put", "file", f"{name}@master:/a", text="a")
    return name


def spec_file(project: Path, name: str, repo: str, image: str, **transform: Any) -> str:
    spec = {
        "pipeline": {"name": name},
        "transform": {"image": image, "cmd": ["/bin/busybox", "sh", "/say.sh"], **transform},
        "input": {"pfs": {"name": "in", "repo": repo, "glob": "/*"}},
    }
    (project / "pipeline.json").write_text(json.dumps(spec))
    return str(project / "pipeline.json")


def image_of(pachctl: Pachctl, pipeline: str) -> str:
    return str(pachctl.json("inspect", "pipeline", pipeline)[0]["details"]["transform"]["image"])


def test_an_image_is_built_pushed_and_run_and_again_when_the_code_changed(
    pachctl: Pachctl, repo: str, project: Path, registry: Registry, login: Path
) -> None:
    p, image = f"{repo}-p", f"{registry.host}/team/say"
    file = spec_file(project, p, repo, f"{image}:latest")
    done = pachctl.run("create", "pipeline", "--build", "-f", file, check=True).stderr.decode()
    assert "COPY say.sh" in done, "the progress of the build is shown"
    assert "Pushed" in done, "the progress of the push is shown"
    assert "tag latest" not in done, "the tag is replaced"
    first = image_of(pachctl, p)
    assert re.fullmatch(re.escape(image) + ":[0-9a-f]{32}", first)
    assert registry.tags("team/say") == [first.rpartition(":")[2]]
    assert run(pachctl, p)["state"] == "JOB_SUCCESS"
    assert pachctl("get", "file", f"{p}@master:/said") == "one\n"

    # An update rebuilds; the datum that is done keeps its result, and that is said.
    (project / "say.sh").write_text("echo two > /pfs/out/said")
    done = pachctl.run("update", "pipeline", "--build", "--push-images", "-f", file, check=True).stderr.decode()
    assert "--push-images says nothing that --build does not" in done
    assert "1 datum keeps its result; to run it with the new code too" in done
    assert "--reprocess" in done
    assert image_of(pachctl, p) != first
    assert counts(run(pachctl, p)) == (0, 1, 1)
    assert pachctl("get", "file", f"{p}@master:/said") == "one\n"
    pachctl("update", "pipeline", "-b", "--reprocess", "-f", file)
    run(pachctl, p)
    assert pachctl("get", "file", f"{p}@master:/said") == "two\n"
    assert len(registry.tags("team/say")) == 3


def test_the_dockerfile_is_where_the_spec_says_and_its_folder_is_the_context(
    pachctl: Pachctl, repo: str, project: Path, registry: Registry, login: Path, busybox: str
) -> None:
    (project / "docker").mkdir()
    (project / "docker" / "Other").write_text(f"FROM {busybox}\nCOPY inner.sh /say.sh\n")
    (project / "docker" / "inner.sh").write_text("echo inner > /pfs/out/said")
    p = f"{repo}-p"
    file = spec_file(project, p, repo, f"{registry.host}/inner", dockerfile="docker/Other")
    pachctl("update", "pipeline", "--build", "-f", file)
    run(pachctl, p)
    assert pachctl("get", "file", f"{p}@master:/said") == "inner\n"


def test_a_local_image_is_tagged_and_pushed(
    pachctl: Pachctl, repo: str, project: Path, registry: Registry, login: Path, images: Images, busybox: str
) -> None:
    local = f"hathi-test-{os.getpid()}/handmade:1"
    images.client.tag(busybox, *local.rsplit(":", 1))
    images.built(local)
    p = f"{repo}-p"
    file = spec_file(project, p, repo, local, cmd=["/bin/busybox", "sh"], stdin=["echo pushed > /pfs/out/said"])
    pachctl("create", "pipeline", "-p", "-r", registry.host, "-f", file)
    pushed = image_of(pachctl, p)
    assert pushed.startswith(f"{registry.host}/{local.partition(':')[0]}:")
    images.client.remove_image(pushed)
    run(pachctl, p)
    assert pachctl("get", "file", f"{p}@master:/said") == "pushed\n"


def test_what_cannot_be_built_or_pushed_changes_nothing(
    pachctl: Pachctl, repo: str, project: Path, registry: Registry, login: Path
) -> None:
    p = f"{repo}-p"
    file = spec_file(project, p, repo, f"{registry.host}/never")
    assert "there is no image" in pachctl.fails("create", "pipeline", "-p", "-f", file)
    (project / "Dockerfile").write_text("FROM scratch\nCOPY missing /missing\n")
    assert "missing" in pachctl.fails("create", "pipeline", "-b", "-f", file)
    (project / "Dockerfile").unlink()
    assert "does not exist" in pachctl.fails("create", "pipeline", "-b", "-f", file)
    assert p not in pachctl("list", "pipeline")
    pachctl.environment["DOCKER_HOST"] = "unix:///nowhere.sock"
    assert "the container engine at unix:///nowhere.sock does not answer" in pachctl.fails(
        "create", "pipeline", "-p", "-f", file
    )


def test_a_spec_from_standard_input_is_built_in_the_working_directory(
    pachctl: Pachctl, repo: str, project: Path, registry: Registry, login: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    p = f"{repo}-p"
    file = spec_file(project, p, repo, f"{registry.host}/typed")
    monkeypatch.chdir(project)
    pachctl("create", "pipeline", "--build", text=Path(file).read_text())
    assert image_of(pachctl, p).startswith(f"{registry.host}/typed:")


def test_credentials_come_from_the_local_configuration_or_from_a_prompt(
    pachctl: Pachctl, repo: str, project: Path, closed_registry: Registry, login: Path, images: Images
) -> None:
    host = closed_registry.host
    file = spec_file(project, f"{repo}-p", repo, f"{host}/private")
    refused = pachctl.fails("update", "pipeline", "-b", "-f", file)
    assert f"Username for {host}: " in refused
    assert f"docker login {host}" in refused
    assert "no password" in pachctl.fails("update", "pipeline", "-b", "-u", USER, "-f", file)
    typed = pachctl.run("update", "pipeline", "-b", "-f", file, text=f"{USER}\n{PASSWORD}\n", check=True)
    assert f"Password for {USER}@{host}: " in typed.stderr.decode()
    assert PASSWORD not in typed.stderr.decode()
    log_in(login, host)
    done = pachctl.run("update", "pipeline", "-b", "-f", file, check=True).stderr.decode()
    assert "Username" not in done
    (login / "config.json").write_text(json.dumps({"auths": {host: {"username": USER, "password": "wrong"}}}))
    before = names_at(images, host)
    assert "cannot push" in pachctl.fails("update", "pipeline", "-b", "-f", file)
    assert names_at(images, host) == before, "what was not pushed has no name"


def names_at(images: Images, host: str) -> set[str]:
    """The names that images of this engine have in a registry."""
    named = (name for each in images.client.images() for name in each["RepoTags"] or ())
    return {name for name in named if name.startswith(f"{host}/")}


def log_in(folder: Path, host: str) -> None:
    """Write the configuration that `docker login` would write."""
    known = base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode()
    (folder / "config.json").write_text(json.dumps({"auths": {host: {"auth": known}}}))


def test_the_server_pulls_by_tag_and_by_digest_with_its_local_credentials(
    pachctl: Pachctl, repo: str, closed_registry: Registry, server_login: Path, images: Images
) -> None:
    """Until it has some, the registry's refusal is the pipeline's reason; the job tells the digest that ran."""
    image = f"{closed_registry.host}/private:1"
    source = images.busybox("source:1", ["ENV SOURCE=1"])
    images.client.tag(source, *image.rsplit(":", 1))
    pushed = images.client.push(image, stream=True, decode=True, auth_config={"username": USER, "password": PASSWORD})
    digest = next(step["aux"]["Digest"] for step in pushed if "aux" in step)
    exact = f"{closed_registry.host}/private@{digest}"
    images.client.remove_image(image)
    images.client.remove_image(source)
    assert images.client.images(exact) == []
    p = f"{repo}-p"
    pachctl("create", "pipeline", text=contained(p, repo, image, "sh", "-c", f"cp /pfs/{repo}/a /pfs/out"))
    try:
        reason = until(lambda: (told := state(pachctl, p))[0] == "CRASHING" and told[1])
        assert "no basic auth credentials" in str(reason)
        log_in(server_login, closed_registry.host)
        job = run(pachctl, p)
        assert counts(job) == (1, 0, 1)
        assert f"Image ID: {exact}\n" in pachctl("inspect", "job", f"{p}@{job['job']['id']}")
        pachctl("delete", "pipeline", p)
        until(lambda: not removal_refused(images, image))
        assert images.client.images(exact) == []
        q = f"{repo}-q"
        pachctl("create", "pipeline", text=contained(q, repo, exact, "sh", "-c", f"cp /pfs/{repo}/a /pfs/out"))
        job = run(pachctl, q)
        assert counts(job) == (1, 0, 1)
        assert f"Image ID: {exact}\n" in pachctl("inspect", "job", f"{q}@{job['job']['id']}")
    finally:
        (server_login / "config.json").unlink(missing_ok=True)
        images.built(exact)


def removal_refused(images: Images, name: str) -> bool:
    """Try to remove an image; refused while a container of it runs."""
    try:
        images.client.remove_image(name)
    except docker.errors.APIError as error:
        return error.status_code == 409
    return False
