"""Images: found, pulled, built, tagged, pushed and removed, with progress as the engine reports it."""

from __future__ import annotations

import contextlib
import traceback
from collections.abc import Callable, Mapping
from pathlib import Path

from docker.auth import load_config
from docker.credentials.errors import StoreError
from docker.errors import DockerException, NotFound

from hathi.engine.connection import Connection
from hathi.engine.errors import BuildFailed, EngineRefused, ImageMissing, LoginNeeded, PushFailed
from hathi.engine.reports import Report, hint
from hathi.engine.values import Credentials, Image, Show
from hathi.model.images import ImageName

NO_LABELS: Mapping[str, str] = {}

_NEEDS_LOGIN = (
    "unauthorized",
    "authentication required",
    "no basic auth",
    "access denied",
    "access to the resource is",
)


class Images(Connection):
    """What an engine does with images. Credentials are those of the local Docker configuration, unless given.

    Builds, pushes and pulls may be silent for long, so they wait for ever; an engine that dies ends them.
    """

    def image(self, name: str) -> Image | None:
        """Return the image of a name, digest or id, or None when the engine does not have it."""
        with self.asking():
            try:
                found = self.client().inspect_image(name)
            except NotFound:
                return None
        config = found.get("Config") or {}
        return Image(
            id=found["Id"],
            digests=tuple(found.get("RepoDigests") or ()),
            env=dict(line.split("=", 1) for line in config.get("Env") or () if "=" in line),
            user=config.get("User") or "",
            machine=found.get("Architecture") or "",
            labels=config.get("Labels") or {},
            watched=bool(config.get("Healthcheck")),
        )

    def pull(self, name: str, cancelled: Callable[[], bool]) -> None:
        """Get an image from its registry."""
        with self.asking():
            client = self.client(None)
            client.reload_config()
            for step in client.pull(name, stream=True, decode=True):
                if "error" in step:
                    raise EngineRefused(step["error"])
                if cancelled():
                    return

    def build(
        self, context: Path, dockerfile: str, image: ImageName, show: Show, labels: Mapping[str, str] = NO_LABELS
    ) -> None:
        """Build `dockerfile`, a name in the folder `context`; name and label the result. EngineGone, BuildFailed."""
        try:
            with self.asking():
                answers = self.client(None).build(
                    path=str(context),
                    dockerfile=dockerfile,
                    tag=str(image),
                    labels=dict(labels),
                    rm=True,
                    forcerm=True,
                    decode=True,
                )
                failed = Report(show).failure(answers)
        except KeyboardInterrupt as error:
            # What was interrupted holds the connection, and while that is open the engine goes on building.
            traceback.clear_frames(error.__traceback__)
            raise
        except (EngineRefused, OSError, TypeError) as error:
            raise _build_failed(context, dockerfile, str(error)) from error
        if failed:
            raise _build_failed(context, dockerfile, failed)

    def tag(self, image: str, new: ImageName) -> None:
        """Give an image another name. EngineGone, ImageMissing, EngineRefused."""
        with self.asking():
            try:
                self.client().tag(image, new.repository, new.tag)
            except NotFound as error:
                raise ImageMissing(image) from error

    def untag(self, name: str) -> bool:
        """Take a name away, and with the only one the image; returns False when the image is in use. EngineGone."""
        with self.asking():
            return self._remove(name)

    def discard(self, image: str) -> bool:
        """Remove an image that has no name and that nothing stands on; returns False when something does."""
        try:
            named = bool(self.client().inspect_image(image).get("RepoTags"))
        except NotFound:
            return True
        except DockerException:
            return False
        return named or self._remove(image)

    def images_labelled(self, label: str) -> list[tuple[list[str], Mapping[str, str]]]:
        """Return names and labels of the images that have a label, `name` or `name=value`."""
        with self.asking():
            found = self.client().images(filters={"label": label})
            return [(list(each.get("RepoTags") or ()), each.get("Labels") or {}) for each in found]

    def credentials(self, registry: str, username: str = "") -> Credentials | None:
        """Return what the local configuration has for a registry, of this user if one is named. PushFailed."""
        try:
            found = load_config().resolve_authconfig(registry)
        except (DockerException, StoreError) as error:
            raise PushFailed(f"cannot read the credentials for {registry}: {error}") from error
        if not found:
            return None
        given = {key.lower(): str(value) for key, value in found.items() if value}
        known = Credentials(given.get("username", ""), given.get("password", ""), given.get("identitytoken", ""))
        return None if username and known.username != username else known

    def push(self, image: ImageName, credentials: Credentials | None, show: Show) -> None:
        """Push an image, as nobody in particular without credentials. EngineGone, LoginNeeded, PushFailed."""
        auth = {} if credentials is None else _auth(credentials)
        try:
            with self.asking():
                client = self.client(None)
                answers = client.push(image.repository, image.tag, stream=True, decode=True, auth_config=auth)
                failed = Report(show).failure(answers)
        except EngineRefused as error:
            failed = str(error).strip()
        if failed and any(sign in failed.lower() for sign in _NEEDS_LOGIN):
            raise LoginNeeded(image, failed)
        if failed:
            raise PushFailed(f"cannot push {image}: {failed}")

    def _remove(self, image: str) -> bool:
        """Remove a name or an image, and nothing that it stands on; returns False when it is in use."""
        try:
            self.client().remove_image(image, noprune=True)
        except NotFound:
            return True
        except DockerException:
            return False
        return True


def _auth(credentials: Credentials) -> dict[str, str]:
    if credentials.token:
        return {"identitytoken": credentials.token}
    return {"username": credentials.username, "password": credentials.password}


def _build_failed(context: Path, dockerfile: str, reason: str) -> BuildFailed:
    file = context / dockerfile
    with contextlib.suppress(OSError):
        if more := hint(reason, file.read_text(errors="replace"), str(file), str(context)):
            reason = f"{reason}; {more}"
    return BuildFailed(f"cannot build {file}: {reason}")
