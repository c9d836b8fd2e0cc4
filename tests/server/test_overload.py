"""A database that does not answer for a moment: clients repeat reads but not writes, and nothing is INTERNAL."""

from __future__ import annotations

import threading
from collections.abc import Callable
from contextlib import contextmanager
from typing import Any

import pytest

from hathi.model.errors import UnavailableError
from hathi.server.grpc.backend import Backend
from hathi.wire.client import Client
from hathi.wire.gen import pfs_pb2

OVERLOADED = "the database is overloaded; try again"


@pytest.fixture
def overload(backend: Backend, monkeypatch: pytest.MonkeyPatch) -> Callable[[int], list[int]]:
    """overload(N): the next N transactions of calls are refused; returns a list that has an entry for each begun."""

    def begin(refusals: int) -> list[int]:
        tried: list[int] = []

        def refusing(plain: Callable[..., Any]) -> Callable[..., Any]:
            @contextmanager
            def transaction(*args: Any) -> Any:
                if threading.current_thread().name.startswith("grpc"):  # not one of the background
                    tried.append(1)
                    if len(tried) <= refusals:
                        raise UnavailableError(OVERLOADED)
                with plain(*args) as tx:
                    yield tx

            return transaction

        for name in ("read", "write"):
            monkeypatch.setattr(backend.store.db, name, refusing(getattr(backend.store.db, name)))
        return tried

    return begin


def test_a_read_is_repeated_until_it_succeeds(
    client: Client, repo: pfs_pb2.Repo, overload: Callable[[int], list[int]]
) -> None:
    tried = overload(2)
    info = client.pfs.InspectRepo(pfs_pb2.InspectRepoRequest(repo=repo))
    assert info.repo.name == "images" and len(tried) >= 3


def test_a_streamed_read_is_repeated_until_it_succeeds(
    client: Client, repo: pfs_pb2.Repo, overload: Callable[[int], list[int]]
) -> None:
    overload(2)
    assert [info.repo.name for info in client.pfs.ListRepo(pfs_pb2.ListRepoRequest())] == ["images"]


def test_a_read_is_given_up_after_a_few_tries_with_what_the_server_said(
    client: Client, repo: pfs_pb2.Repo, overload: Callable[[int], list[int]]
) -> None:
    tried = overload(1000)
    with pytest.raises(UnavailableError, match=OVERLOADED):
        client.pfs.InspectRepo(pfs_pb2.InspectRepoRequest(repo=repo))
    assert len(tried) == 4


def test_a_write_is_not_repeated(client: Client, repo: pfs_pb2.Repo, overload: Callable[[int], list[int]]) -> None:
    tried = overload(1000)
    with pytest.raises(UnavailableError, match=OVERLOADED):
        client.pfs.DeleteRepo(pfs_pb2.DeleteRepoRequest(repo=repo))
    assert len(tried) == 1
