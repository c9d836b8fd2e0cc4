"""From a spec as it stands in the repository to the spec that is sent: with the image of this revision in it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from hathi.cli.errors import CliError
from hathi.cli.specs import Spec
from hathi.images.context import DOCKERFILE
from hathi.images.publishing import Wish
from hathi.model.images import ImageName, parse_image

Publish = Callable[[Spec, Wish], Spec]
"""Builds and pushes a spec's image, and returns the spec with its new name."""


@dataclass(frozen=True, slots=True)
class Recipe:
    """How images are made and called.

    tag: "" when there is none to give. tagged: whether it was asked for by name. build: None means "when there is a
    Dockerfile", and a Dockerfile that is named is there. Other empty texts mean what the spec says.
    """

    tag: str
    tagged: bool = False
    build: bool | None = None
    image: str = ""
    registry: str = ""
    username: str = ""
    dockerfile: str = ""


def with_images(specs: list[Spec], recipe: Recipe, publish: Publish) -> list[Spec]:
    """Return the specs with the images of this revision, each image built and pushed once."""
    pushed: dict[tuple[str, str], str] = {}
    result = []
    for spec in specs:
        named = _named(spec, recipe)
        if spec.build is not None:
            result.append(spec)  # its code goes to the server as it is
        elif not _builds(spec, recipe):
            result.append(spec.with_image(_image(named, recipe)) if recipe.image or recipe.tagged else spec)
        else:
            key = (_image(named, recipe), str(_dockerfile(spec, recipe)))
            if key not in pushed:
                done = publish(
                    _with_dockerfile(named, key[1]), Wish(True, recipe.registry, recipe.username, recipe.tag)
                )
                pushed[key] = done.data["transform"]["image"]
            result.append(spec.with_image(pushed[key]))
    return result


def _builds(spec: Spec, recipe: Recipe) -> bool:
    if recipe.build is not None:
        return recipe.build
    named = recipe.dockerfile or spec.data["transform"].get("dockerfile")
    return bool(named) or _dockerfile(spec, recipe).is_file()


def _dockerfile(spec: Spec, recipe: Recipe) -> Path:
    folder = spec.folder or Path.cwd()
    if recipe.dockerfile:
        return Path(recipe.dockerfile).absolute()
    return folder / str(spec.data["transform"].get("dockerfile") or DOCKERFILE)


def _named(spec: Spec, recipe: Recipe) -> Spec:
    return spec.with_image(recipe.image) if recipe.image else spec


def _image(spec: Spec, recipe: Recipe) -> str:
    """Return the whole name of a spec's image at this revision."""
    text = spec.data["transform"].get("image")
    if not text:
        raise CliError(f"{spec.source}: transform.image must name the image, or --image")
    if not recipe.tag:
        raise CliError(f"{spec.source} is not in a Git repository; name the image's tag with --tag")
    name = parse_image(str(text))
    return str(ImageName(name.registry or recipe.registry, name.path, recipe.tag))


def _with_dockerfile(spec: Spec, dockerfile: str) -> Spec:
    return replace(spec, data={**spec.data, "transform": {**spec.data["transform"], "dockerfile": dockerfile}})
