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
def docker_pachd(tmp_path_factory: pytest.TempPathFactory, images: Images) -> Iterator[Pachd]:
    """One server for all tests of a process; it ends before the images go."""
    server = Pachd(tmp_path_factory.mktemp("pachd") / "root", "--runtime", "docker").start()
    yield server
    server.stop()


@pytest.fixture
def pachctl(docker_pachd: Pachd, tmp_path: Path) -> Pachctl:
    return Pachctl(docker_pachd.address, tmp_path / "config.json")
