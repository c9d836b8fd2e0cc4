"""A server whose user code runs in containers, and images for it."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from e2e.containers.support import Images, engine_or_skip
from e2e.support import Pachctl, Pachd


@pytest.fixture(scope="session")
def engine() -> Any:
    return engine_or_skip()


@pytest.fixture(scope="session")
def images(engine: Any) -> Iterator[Images]:
    images = Images(engine, f"localhost/hathi-test-{os.getpid()}")  # a name that no engine completes
    yield images
    images.remove()


@pytest.fixture(scope="session")
def busybox(images: Images) -> str:
    return images.busybox("busybox:1")


@pytest.fixture(scope="session")
def server_login(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of the server's Docker configuration, which is empty."""
    return tmp_path_factory.mktemp("server-login")


@pytest.fixture(scope="session")
def docker_pachd(tmp_path_factory: pytest.TempPathFactory, images: Images, server_login: Path) -> Iterator[Pachd]:
    """One server for all tests of a process; it ends before the images go."""
    root, environment = tmp_path_factory.mktemp("pachd") / "root", {"DOCKER_CONFIG": str(server_login)}
    server = Pachd(root, "--runtime", "docker", environment=environment).start()
    yield server
    server.stop()


@pytest.fixture
def pachctl(docker_pachd: Pachd, tmp_path: Path) -> Iterator[Pachctl]:
    """Pipelines go with their test: their workers would be in the way of the next."""
    pachctl = Pachctl(docker_pachd.address, tmp_path / "config.json")
    yield pachctl
    pachctl.run("delete", "pipeline", "--all", "--force")


@pytest.fixture
def scratch(tmp_path: Path, pachctl: Pachctl) -> Path:
    """Where pachctl makes its folders."""
    folder = tmp_path / "scratch"
    folder.mkdir()
    pachctl.environment["TMPDIR"] = str(folder)
    return folder
