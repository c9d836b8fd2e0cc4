from __future__ import annotations

from collections.abc import Callable

import pytest

from hathi.engine.choosing import exact_name, obtain
from hathi.engine.errors import EngineRefused
from hathi.engine.values import Image


class Shelf:
    """Images that an engine has, and those that its registries have."""

    def __init__(self, here: dict[str, Image] | None = None, there: dict[str, Image] | None = None) -> None:
        self.here = here or {}
        self.there = there or {}
        self.pulled: list[str] = []

    def image(self, name: str) -> Image | None:
        return self.here.get(name)

    def pull(self, name: str, cancelled: Callable[[], bool]) -> None:
        self.pulled.append(name)
        if name not in self.there:
            raise EngineRefused("manifest unknown")
        self.here[name] = self.there[name]


def never() -> bool:
    return False


def test_an_image_that_is_here_needs_no_registry() -> None:
    for name in (
        "a",
        "a:1",
        "a:latest",
        "team/a",
        "host.example/a:1",
        "host.example/a@sha256:00",
        "localhost:5000/a:2",
    ):
        shelf = Shelf({name: Image("old")}, {name: Image("new")})
        assert obtain(shelf, name, never) == Image("old")
        assert shelf.pulled == []


def test_one_that_is_not_is_pulled() -> None:
    assert obtain(Shelf(there={"a:1": Image("new")}), "a:1", never) == Image("new")


@pytest.mark.parametrize(
    "name", ["host.example/a", "host.example/a:latest", "localhost:5000/t/a", "localhost/a:latest"]
)
def test_latest_of_a_named_registry_is_asked_for_anew(name: str) -> None:
    assert obtain(Shelf({name: Image("old")}, {name: Image("new")}), name, never) == Image("new")


def test_when_the_registry_has_no_answer_what_is_here_serves() -> None:
    assert obtain(Shelf({"host.example/a": Image("old")}), "host.example/a", never) == Image("old")


def test_the_reason_of_a_pull_that_failed_names_the_image() -> None:
    with pytest.raises(EngineRefused, match='the image "a:1" cannot be pulled: manifest unknown'):
        obtain(Shelf(), "a:1", never)


@pytest.mark.parametrize(
    ("name", "digests", "exact"),
    [
        ("a:1", (), "sha256:id"),
        (
            "host.example:5000/t/a:1",
            ("other/a@sha256:1", "host.example:5000/t/a@sha256:2"),
            "host.example:5000/t/a@sha256:2",
        ),
        ("a:1", ("docker.io/library/a@sha256:3",), "docker.io/library/a@sha256:3"),
        ("b:1", ("a@sha256:3",), "sha256:id"),
        ("a@sha256:3", ("a@sha256:3",), "a@sha256:3"),
    ],
)
def test_an_image_is_named_by_its_digest_where_it_was_named_by_registry(
    name: str, digests: tuple[str, ...], exact: str
) -> None:
    assert exact_name(name, Image("sha256:id", digests)) == exact
