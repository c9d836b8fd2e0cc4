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
from hathi.engine.values import Credentials, Show
from hathi.images.context import context_of
from hathi.images.errors import ImageError
from hathi.model.ids import new_id
from hathi.model.images import DOCKER_HUB, LOCAL, ImageName, misnamed, parse_image

FIELD = ("transform", "image")

_ID = "sha256"
"""What stands in the place of a repository when an image is named by its id."""

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


@dataclass(frozen=True, slots=True)
class Target:
    """What a wish comes to for one spec. Equal targets are one image.

    name: of the new image, apart from its tag. context, dockerfile: what it is built from; None and "" when it is
    there already, under the name `local`.
    """

    name: ImageName
    context: Path | None = None
    dockerfile: str = ""
    local: str = ""


def target_of(transform: Mapping[str, Any], folder: Path | None, wish: Wish) -> Target:
    """Return what is to be published for a spec, or raise ImageError: what no engine need be asked for.

    transform: of the spec. folder: that its `dockerfile` is relative to; None for a spec from a URL.
    """
    text = str(transform.get("image") or "")
    if not text:
        raise ImageError("transform.image must name the image: its repository is where it is pushed to")
    name = replace(parse_image(text), tag="", digest="")
    if name.path == _ID:
        raise ImageError(f'the image "{text}" has no name, only an id; name the repository that it is pushed to', FIELD)
    if not name.registry and wish.registry not in ("", DOCKER_HUB):
        name = replace(name, registry=wish.registry)
    if reason := misnamed(text):
        raise ImageError(reason, FIELD)
    if not wish.build:
        return Target(name, local=text)
    return Target(name, *context_of(transform, folder))


def publish(engine: Engine, target: Target, wish: Wish, ask: Ask, show: Show) -> ImageName:
    """Build if wished, tag, and push if wished; returns the image under its new name.

    Raises ImageError and what an engine raises. A tag that was drawn is taken away again when something goes wrong.
    """
    new = replace(target.name, tag=wish.tag or new_id())
    try:
        if target.context is not None:
            engine.build(target.context, target.dockerfile, new, show)
        else:
            engine.tag(target.local, new)
        if wish.push:
            _push(engine, new, wish, ask, show)
    except BaseException:
        if not wish.tag:  # one that was given may have been there before
            with contextlib.suppress(EngineGone):
                engine.untag(str(new))
        raise
    return new


def _push(engine: Engine, image: ImageName, wish: Wish, ask: Ask, show: Show) -> None:
    """Push with the credentials there are; ask for some when the registry wants others, or a user is named.

    A registry is never shown the credentials of another.
    """
    registry = image.host
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
