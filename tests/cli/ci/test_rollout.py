"""Which image a spec gets, and when it is built."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from hathi.cli.ci.revision import checked_tag, event, revision
from hathi.cli.ci.rollout import Recipe, with_images
from hathi.cli.errors import CliError
from hathi.cli.specs import Spec
from hathi.images.buildspec import BuildSpec
from hathi.images.publishing import Wish


class Published:
    """Remembers what was built and pushed."""

    def __init__(self) -> None:
        self.wishes: list[tuple[dict[str, Any], Wish]] = []

    def __call__(self, spec: Spec, wish: Wish) -> Spec:
        self.wishes.append((spec.data["transform"], wish))
        return replace(spec, data={**spec.data, "transform": {"image": f"pushed:{wish.tag}"}})


def spec(folder: Path, image: str = "team/code:old", name: str = "p") -> Spec:
    data = {"pipeline": {"name": name}, "transform": {"image": image, "cmd": ["run"]}}
    return Spec("spec.json", data, {}, folder)


def images(specs: list[Spec]) -> list[str]:
    return [each.data["transform"]["image"] for each in specs]


def test_a_dockerfile_beside_the_spec_is_built_once_and_filled_in(tmp_path: Path) -> None:
    (tmp_path / "Dockerfile").touch()
    published = Published()
    found = with_images([spec(tmp_path), spec(tmp_path, name="q")], Recipe("abc", registry="r:5"), published)
    assert images(found) == ["pushed:abc", "pushed:abc"]
    ((transform, wish),) = published.wishes
    assert transform["dockerfile"] == str(tmp_path / "Dockerfile")
    assert (wish.build, wish.registry, wish.tag) == (True, "r:5", "abc")
    assert found[0].data["transform"]["cmd"] == ["run"]
    assert "dockerfile" not in found[0].data["transform"], "the path of a build machine is nothing for a spec"


def test_without_a_dockerfile_nothing_is_built_and_only_a_named_tag_is_filled_in(tmp_path: Path) -> None:
    published = Published()
    assert images(with_images([spec(tmp_path)], Recipe("abc"), published)) == ["team/code:old"]
    tagged = Recipe("v1", tagged=True, registry="r:5")
    assert images(with_images([spec(tmp_path)], tagged, published)) == ["r:5/team/code:v1"]
    named = Recipe("abc", image="other.example/name")
    assert images(with_images([spec(tmp_path)], named, published)) == ["other.example/name:abc"]
    assert published.wishes == []


def test_the_code_of_a_build_pipeline_needs_no_image(tmp_path: Path) -> None:
    (tmp_path / "Dockerfile").touch()
    published = Published()
    with_images([replace(spec(tmp_path), build=BuildSpec(language="go"))], Recipe("abc"), published)
    assert published.wishes == []


def test_a_build_needs_a_tag(tmp_path: Path) -> None:
    with pytest.raises(CliError, match="name the image's tag with --tag"):
        with_images([spec(tmp_path)], Recipe("", build=True), Published())


def test_a_pull_request_is_told_from_everything_that_is_rolled_out() -> None:
    assert event("", {"GITHUB_EVENT_NAME": "pull_request_target"}) == "pull_request"
    assert event("", {"GITHUB_EVENT_NAME": "merge_group"}) == "pull_request"
    assert event("", {"GITHUB_EVENT_NAME": "workflow_dispatch"}) == "push"
    assert event("", {}) == "push"
    assert event("pull_request", {"GITHUB_EVENT_NAME": "push"}) == "pull_request"


def test_a_misspelt_event_is_refused_rather_than_rolled_out() -> None:
    with pytest.raises(CliError, match='unknown event "pull-request"'):
        event("pull-request", {})


def test_the_revision_is_what_the_service_says_or_git_or_nothing(tmp_path: Path) -> None:
    assert revision({"GITHUB_SHA": "abc"}, tmp_path) == "abc"
    assert revision({}, tmp_path) == ""


@pytest.mark.parametrize("tag", ["a b", "-x", "x" * 129, "$(id)"])
def test_what_cannot_be_a_tag_is_refused(tag: str) -> None:
    with pytest.raises(CliError):
        checked_tag(tag)


def test_a_dockerfile_that_is_named_is_built_or_missed_but_not_passed_over(tmp_path: Path) -> None:
    published = Published()
    with_images([spec(tmp_path)], Recipe("abc", dockerfile=str(tmp_path / "gone")), published)
    named = spec(tmp_path)
    named.data["transform"]["dockerfile"] = "docker/gone"
    with_images([named], Recipe("abc"), published)
    with_images([named], Recipe("abc", build=False), published)
    assert [each["dockerfile"] for each, _ in published.wishes] == [
        str(tmp_path / "gone"),
        str(tmp_path / "docker/gone"),
    ]
