"""Names of images: `[registry/]repository[:tag][@digest]`."""

from __future__ import annotations

import re
from dataclasses import dataclass

from hathi.model.quoting import excerpt

DOCKER_HUB = "index.docker.io"
"""The registry of names that give none."""

MAX_LENGTH = 1_024
"""Characters of a whole name: a repository's may have 255, and a digest is long."""

LOCAL = "localhost"
"""What stands in a registry's place in names of images that are on this machine alone."""

_HOST = r"(?:[a-zA-Z0-9](?:[a-zA-Z0-9-]*[a-zA-Z0-9])?\.)*[a-zA-Z0-9](?:[a-zA-Z0-9-]*[a-zA-Z0-9])?|\[[0-9a-fA-F:]+\]"
_WORD = "[a-z0-9]+(?:(?:[._]|__|-+)[a-z0-9]+)*"
_FOLDER = f"/{_WORD}"
_REGISTRY = re.compile(f"(?:{_HOST})(?::[0-9]+)?(?:{_FOLDER})*")
_PATH = re.compile(f"{_WORD}(?:{_FOLDER})*")


@dataclass(frozen=True, slots=True)
class ImageName:
    """An image's name in parts. registry: "" where the name gives none. tag, digest: "" likewise."""

    registry: str
    path: str
    tag: str = ""
    digest: str = ""

    @property
    def repository(self) -> str:
        """The name without tag and digest."""
        return f"{self.registry}/{self.path}" if self.registry else self.path

    @property
    def host(self) -> str:
        """The registry that the name leads to."""
        return self.registry or DOCKER_HUB

    def __str__(self) -> str:
        return self.repository + (f":{self.tag}" if self.tag else "") + (f"@{self.digest}" if self.digest else "")


def is_registry(text: str) -> bool:
    """Return whether names of images may begin with a text: a host, perhaps with a port and a path below it."""
    return _REGISTRY.fullmatch(text) is not None


def misnamed(text: str) -> str:
    """Return why no engine takes a name, its tag and digest aside; "" when engines do."""
    if len(text) > MAX_LENGTH:
        return f'the image "{excerpt(text)}" is too long: its name may have {MAX_LENGTH} characters'
    if _is_repository(parse_image(text)):
        return ""
    lower = "; names are in lower case" if _is_repository(parse_image(text.lower())) else ""
    return f'the image cannot be called "{excerpt(text)}"{lower}: write [REGISTRY/]NAME[:TAG]'


def parse_image(text: str) -> ImageName:
    """Return a name's parts. What stands before the first slash is a registry when it looks like a host."""
    name, _, digest = text.partition("@")
    head, slash, rest = name.partition("/")
    registry = head if slash and (head == "localhost" or "." in head or ":" in head) else ""
    path, _, tag = (rest if registry else name).partition(":")
    return ImageName(registry, path, tag, digest)


def _is_repository(name: ImageName) -> bool:
    return (not name.registry or is_registry(name.registry)) and _PATH.fullmatch(name.path) is not None
