"""Which image a pipeline's containers run, and how exactly it can be named.

An image that the engine has is used as it is, so that images made on this machine need no registry. Only a tag that is
meant to move, `latest` in a registry that the name names, is asked for anew; when the registry has no answer, what is
here serves.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from hathi.runtimes.docker.engine import EngineRefused, Image


class Images(Protocol):
    """What is needed of an engine."""

    def image(self, name: str) -> Image | None:
        """Return the image of a name, or None."""
        ...

    def pull(self, name: str, cancelled: Callable[[], bool]) -> None:
        """Get it from its registry."""
        ...


def obtain(engine: Images, name: str, cancelled: Callable[[], bool]) -> Image:
    """Return the image of a name, from its registry if need be. EngineRefused says why that cannot be."""
    present = engine.image(name)
    if present is not None and not _moves(name):
        return present
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
    repository = _split(name)[0]
    for digest in image.digests:
        if _familiar(digest.partition("@")[0]) == _familiar(repository):
            return digest
    return image.id


def _split(name: str) -> tuple[str, str, str]:
    """Return repository, tag and digest of a name."""
    rest, _, digest = name.partition("@")
    folder, slash, last = rest.rpartition("/")
    base, _, tag = last.partition(":")
    return f"{folder}{slash}{base}", tag, digest


def _moves(name: str) -> bool:
    repository, tag, digest = _split(name)
    first, slash, _ = repository.partition("/")
    registry = bool(slash) and ("." in first or ":" in first or first == "localhost")
    return registry and not digest and tag in ("", "latest")


def _familiar(repository: str) -> str:
    return repository.removeprefix("docker.io/").removeprefix("library/")
