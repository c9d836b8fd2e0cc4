"""A container engine, as the developer's side needs it: build an image, tag it, push it.

Any engine that speaks Docker's API will do; `DOCKER_HOST` says where it is. It reports progress as it goes.
"""

from __future__ import annotations

import traceback
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from hathi.images.names import ImageName
from hathi.model.errors import NotFoundError, PreconditionError

NO_LABELS: Mapping[str, str] = {}

_NEEDS_LOGIN = (
    "unauthorized",
    "authentication required",
    "no basic auth",
    "access denied",
    "access to the resource is",
)


@dataclass(frozen=True, slots=True)
class Credentials:
    """Who pushes: a user with a password, or a token that a login left."""

    username: str = ""
    password: str = ""
    token: str = ""


@dataclass(frozen=True, slots=True)
class Step:
    """Something an engine reports. layer: "" for what concerns the whole. done, total: bytes, 0 where unknown."""

    text: str
    layer: str = ""
    done: int = 0
    total: int = 0


Show = Callable[[Step], None]


class EngineUnavailable(PreconditionError):
    """No container engine answers."""


class ImageMissing(NotFoundError):
    """The engine has no such image."""

    def __init__(self, image: str) -> None:
        super().__init__(f"there is no image {image} on this machine; build it first, or use --build")
        self.image = image


class BuildFailed(PreconditionError):
    """An image could not be built."""


class PushFailed(PreconditionError):
    """An image could not be pushed."""


class LoginNeeded(PushFailed):
    """The registry lets nobody push who has not logged in, or not this user."""

    def __init__(self, image: ImageName, reason: str) -> None:
        super().__init__(f"cannot push {image}: {reason}; log in with: docker login {image.host}")
        self.image = image


class Engine(Protocol):
    """What `publishing` asks of an engine."""

    def build(self, context: Path, dockerfile: str, image: ImageName, show: Show) -> None:
        """Build `dockerfile`, a name in the folder `context`, and tag the result. EngineUnavailable, BuildFailed."""
        ...

    def tag(self, image: str, new: ImageName) -> None:
        """Give an image another name. EngineUnavailable, ImageMissing."""
        ...

    def credentials(self, registry: str, username: str = "") -> Credentials | None:
        """Return what the local configuration has for a registry, of this user if one is named. PushFailed."""
        ...

    def push(self, image: ImageName, credentials: Credentials | None, show: Show) -> None:
        """Push an image, as nobody in particular without credentials. EngineUnavailable, LoginNeeded, PushFailed."""
        ...


class DockerEngine:
    """The engine behind the Docker SDK. Nothing is asked of it before the first call."""

    def __init__(self, env: Mapping[str, str]) -> None:
        self._env = dict(env)
        self._made: Any = None

    @property
    def _client(self) -> Any:
        if self._made is None:
            import docker
            from docker.utils import kwargs_from_env

            try:
                self._made = docker.APIClient(version="auto", **kwargs_from_env(environment=self._env))
            except docker.errors.DockerException as error:
                where = self._env.get("DOCKER_HOST", "the default socket")
                raise EngineUnavailable(
                    f"no container engine answers at {where} ({_reason(error)}); start one, or set DOCKER_HOST"
                ) from error
        return self._made

    def build(
        self, context: Path, dockerfile: str, image: ImageName, show: Show, labels: Mapping[str, str] = NO_LABELS
    ) -> None:
        """See `Engine`. labels: of the image."""
        import docker

        try:
            answers = self._client.build(
                path=str(context),
                dockerfile=dockerfile,
                tag=str(image),
                labels=dict(labels),
                rm=True,
                forcerm=True,
                decode=True,
            )
            failed = _follow(answers, show)
        except KeyboardInterrupt as error:
            # What was interrupted holds the connection, and while that is open the engine goes on building.
            traceback.clear_frames(error.__traceback__)
            raise
        except (docker.errors.DockerException, OSError, TypeError) as error:
            raise BuildFailed(f"cannot build {context / dockerfile}: {_reason(error)}") from error
        if failed:
            raise BuildFailed(f"cannot build {context / dockerfile}: {failed}")

    def tag(self, image: str, new: ImageName) -> None:
        """See `Engine`."""
        import docker

        try:
            self._client.tag(image, new.repository, new.tag)
        except docker.errors.NotFound as error:
            raise ImageMissing(image) from error
        except docker.errors.DockerException as error:
            raise PushFailed(f"cannot tag {image}: {_reason(error)}") from error

    def id(self) -> str:
        """Return what tells this engine from all others. EngineUnavailable."""
        import docker

        try:
            return str(self._client.info().get("ID", ""))
        except docker.errors.DockerException as error:
            raise EngineUnavailable(f"the container engine does not answer: {_reason(error)}") from error

    def untag(self, name: str) -> bool:
        """Take a name away, and with the only one the image; returns False when the image is in use."""
        return self._remove(name)

    def discard(self, image: str) -> bool:
        """Remove an image that has no name and that nothing stands on; returns False when something does."""
        import docker

        try:
            named = bool(self._client.inspect_image(image).get("RepoTags"))
        except docker.errors.NotFound:
            return True
        except docker.errors.DockerException:
            return False
        return named or self._remove(image)

    def labelled(self, label: str) -> list[tuple[list[str], Mapping[str, str]]]:
        """Return names and labels of the images that have a label. EngineUnavailable."""
        import docker

        try:
            found = self._client.images(filters={"label": label})
        except docker.errors.DockerException as error:
            raise EngineUnavailable(f"the container engine does not answer: {_reason(error)}") from error
        return [(list(each.get("RepoTags") or ()), each.get("Labels") or {}) for each in found]

    def _remove(self, image: str) -> bool:
        """Remove a name or an image, and nothing that it stands on; returns False when it is in use."""
        import docker

        try:
            self._client.remove_image(image, noprune=True)
        except docker.errors.NotFound:
            return True
        except docker.errors.DockerException:
            return False
        return True

    def credentials(self, registry: str, username: str = "") -> Credentials | None:
        """See `Engine`."""
        import docker
        from docker.auth import load_config

        try:
            found = load_config().resolve_authconfig(registry)
        except docker.errors.DockerException as error:
            raise PushFailed(f"cannot read the credentials for {registry}: {_reason(error)}") from error
        if not found:
            return None
        given = {key.lower(): str(value) for key, value in found.items() if value}
        known = Credentials(given.get("username", ""), given.get("password", ""), given.get("identitytoken", ""))
        return None if username and known.username != username else known

    def push(self, image: ImageName, credentials: Credentials | None, show: Show) -> None:
        """See `Engine`."""
        import docker

        auth = {} if credentials is None else _auth(credentials)
        try:
            answers = self._client.push(image.repository, image.tag, stream=True, decode=True, auth_config=auth)
            failed = _follow(answers, show)
        except docker.errors.DockerException as error:
            failed = _reason(error)
        if failed and any(sign in failed.lower() for sign in _NEEDS_LOGIN):
            raise LoginNeeded(image, failed)
        if failed:
            raise PushFailed(f"cannot push {image}: {failed}")


def _auth(credentials: Credentials) -> dict[str, str]:
    if credentials.token:
        return {"identitytoken": credentials.token}
    return {"username": credentials.username, "password": credentials.password}


def _follow(answers: Iterable[Mapping[str, Any]], show: Show) -> str:
    """Show what the engine reports; return the error that it ends with, or ""."""
    for answer in answers:
        if "error" in answer:
            return str(answer["error"]).strip()
        if text := str(answer.get("stream", "")).rstrip():
            for line in text.splitlines():
                show(Step(line))
        elif status := answer.get("status"):
            detail = answer.get("progressDetail") or {}
            layer = str(answer.get("id", ""))
            show(Step(str(status), layer, int(detail.get("current") or 0), int(detail.get("total") or 0)))
    return ""


def _reason(error: BaseException) -> str:
    """Return what an engine says is wrong, without the SDK's wrapping."""
    explanation = getattr(error, "explanation", None)
    return str(explanation or error).strip()
