"""`--build` and `--push-images`: from a folder or a local image to an image in a registry, under a tag of its own.

A tag names one image for ever here, so that a pipeline's version says what ran: each push draws a new one, unless it
is given one that says the same, such as the id of a Git commit.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Protocol

from hathi.engine.errors import EngineGone, LoginNeeded
from hathi.engine.names import DOCKER_HUB, LOCAL, ImageName, is_repository, parse_image
from hathi.engine.values import Credentials, Show
from hathi.images.context import context_of
from hathi.images.errors import ImageError
from hathi.model.ids import new_id

Ask = Callable[[str, bool], str | None]
"""Asks a person for a line, given the prompt and whether to hide what is typed; None when nobody answers."""


@dataclass(frozen=True, slots=True)
class Wish:
    """What to publish. build: build first. registry, username: where to push and as whom, "" for what follows from
    the image's name and the local configuration. tag: of the image, "" for a new one. push: else it stays here.
    """

    build: bool
    registry: str = ""
    username: str = ""
    tag: str = ""
    push: bool = True


class Engine(Protocol):
    """What is asked of an engine."""

    def build(self, context: Path, dockerfile: str, image: ImageName, show: Show) -> None:
        """Build `dockerfile`, a name in the folder `context`, and tag the result. EngineGone, BuildFailed."""
        ...

    def tag(self, image: str, new: ImageName) -> None:
        """Give an image another name. EngineGone, ImageMissing."""
        ...

    def untag(self, name: str) -> bool:
        """Take a name away, and with the only one the image; returns False when the image is in use. EngineGone."""
        ...

    def credentials(self, registry: str, username: str = "") -> Credentials | None:
        """Return what the local configuration has for a registry, of this user if one is named. PushFailed."""
        ...

    def push(self, image: ImageName, credentials: Credentials | None, show: Show) -> None:
        """Push an image, as nobody in particular without credentials. EngineGone, LoginNeeded, PushFailed."""
        ...


def must_travel(image: str, told: bool, here: str, there: str) -> bool:
    """Return whether a pipeline's image must be pushed to be found.

    It need not when neither its name says where, nor the user has `told`, and the engine `here` is the one that the
    workers have `there`: both are ids, "" where there is none or it is not known.
    """
    return told or parse_image(image).registry not in ("", LOCAL) or not here or here != there


def publish(
    engine: Engine, transform: Mapping[str, Any], folder: Path | None, wish: Wish, ask: Ask, show: Show
) -> ImageName:
    """Build if wished, tag, and push if wished; returns the image under its new name.

    transform: of the spec. folder: that its `dockerfile` is relative to; None for a spec from a URL.
    Raises ImageError and what an engine raises. A tag that was drawn for a push that fails is taken away again.
    """
    text = transform.get("image")
    if not text:
        raise ImageError("transform.image must name the image: its repository is where it is pushed to")
    name = parse_image(str(text))
    if not is_repository(name):
        raise ImageError(f'"{text}" cannot be the name of an image: write [REGISTRY/]NAME in small letters')
    if not name.registry and wish.registry not in ("", DOCKER_HUB):
        name = replace(name, registry=wish.registry)
    new = ImageName(name.registry, name.path, wish.tag or new_id())
    if wish.build:
        context, dockerfile = context_of(transform, folder)
        engine.build(context, dockerfile, new, show)
    else:
        engine.tag(str(text), new)
    if not wish.push:
        return new
    try:
        _push(engine, new, wish, ask, show)
    except BaseException:
        if not wish.tag:  # one that was given may have been there before
            with contextlib.suppress(EngineGone):
                engine.untag(str(new))
        raise
    return new


def _push(engine: Engine, image: ImageName, wish: Wish, ask: Ask, show: Show) -> None:
    """Push with the credentials there are; ask for some when the registry wants others, or a user is named."""
    registry = wish.registry or image.host
    known = engine.credentials(registry, wish.username)
    if known is None and wish.username:
        known = _ask_password(registry, wish.username, ask)
    try:
        engine.push(image, known, show)
    except LoginNeeded:
        username = None if known else ask(f"Username for {registry}: ", False)
        if not username:
            raise
        engine.push(image, _ask_password(registry, username, ask), show)


def _ask_password(registry: str, username: str, ask: Ask) -> Credentials:
    password = ask(f"Password for {username}@{registry}: ", True)
    if password is None:
        raise ImageError(f"no password for {username}@{registry}; log in with: docker login {registry}")
    return Credentials(username, password)
