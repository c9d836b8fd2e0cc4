"""What can go wrong with a container engine: it is not there, or it says no."""

from __future__ import annotations

from hathi.model.errors import PreconditionError, UnavailableError
from hathi.model.images import ImageName


class EngineGone(UnavailableError):
    """The engine does not answer."""


class EngineRefused(PreconditionError):
    """The engine says that something cannot be done; the text is its own."""


class ImageMissing(EngineRefused):
    """The engine has no such image."""

    def __init__(self, image: str) -> None:
        super().__init__(f"there is no image {image} on this machine; build it first, or use --build")
        self.image = image


class BuildFailed(EngineRefused):
    """An image could not be built."""


class PushFailed(EngineRefused):
    """An image could not be pushed."""


class LoginNeeded(PushFailed):
    """The registry lets nobody push who has not logged in, or not this user."""

    def __init__(self, image: ImageName, reason: str) -> None:
        super().__init__(f"cannot push {image}: {reason}; log in with: docker login {image.host}")
        self.image = image
