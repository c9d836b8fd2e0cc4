"""Which image a name means, and how exactly it can be named.

An image that the engine has is used as it is, so that images made on this machine need no registry. Only a tag that is
meant to move, `latest` in a registry that the name names, is asked for anew; when the registry has no answer, what is
here serves.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from hathi.engine.errors import EngineRefused
from hathi.engine.values import Image
from hathi.model.images import parse_image

_ID = "sha256:"
"""What the id of an image begins with, which no registry knows."""


class Images(Protocol):
    """What is needed of an engine."""

    def image(self, name: str) -> Image | None:
        """Return the image of a name, or None."""
        ...

    def pull(self, name: str, cancelled: Callable[[], bool]) -> None:
        """Get it from its registry."""
        ...


def never() -> bool:
    """Return that nobody has lost patience."""
    return False


def obtain(engine: Images, name: str, cancelled: Callable[[], bool] = never) -> Image:
    """Return the image of a name, from its registry if need be. EngineRefused says why that cannot be."""
    present = engine.image(name)
    if present is not None and not _moves(name):
        return present
    if name.startswith(_ID):
        raise EngineRefused(f"the image {name} is not on this machine any more, and no registry knows it")
    try:
        engine.pull(name, cancelled)
    except EngineRefused as error:
        if present is not None:
            return present
        raise EngineRefused(f'the image "{name}" cannot be pulled: {error}') from error
    found = engine.image(name)
    if found is None:
        raise EngineRefused(f'the image "{name}" cannot be pulled')
    return found


def exact_name(name: str, image: Image) -> str:
    """Return what names just this image for good: its digest in the registry it was named by, else its id."""
    repository = parse_image(name).repository
    for digest in image.digests:
        if _familiar(parse_image(digest).repository) == _familiar(repository):
            return digest
    return image.id


def _moves(name: str) -> bool:
    image = parse_image(name)
    return bool(image.registry) and not image.digest and image.tag in ("", "latest")


def _familiar(repository: str) -> str:
    return repository.removeprefix("docker.io/").removeprefix("library/")
