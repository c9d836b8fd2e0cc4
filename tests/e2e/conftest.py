"""Servers and clients as fixtures."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from pathlib import Path

import pytest
from e2e.support import Pachctl, Pachd


@pytest.fixture(scope="session")
def pachd(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pachd]:
    """One server for all tests of a test process; tests use names of their own."""
    server = Pachd(tmp_path_factory.mktemp("pachd") / "root").start()
    yield server
    server.stop()


@pytest.fixture
def pachctl(pachd: Pachd, tmp_path: Path) -> Pachctl:
    return Pachctl(pachd.address, tmp_path / "config.json")


@pytest.fixture
def own_pachd(tmp_path: Path) -> Iterator[Pachd]:
    """A server for one test, which may kill it."""
    server = Pachd(tmp_path / "root").start()
    yield server
    server.stop()


@pytest.fixture
def own_pachctl(own_pachd: Pachd, tmp_path: Path) -> Pachctl:
    return Pachctl(own_pachd.address, tmp_path / "config.json")


_numbers = itertools.count()


@pytest.fixture
def name(request: pytest.FixtureRequest) -> str:
    """A name no other test uses."""
    words = request.node.name.split("[")[0].removeprefix("test_").split("_")
    return "-".join(words)[:30].strip("-") + f"-{next(_numbers)}"
