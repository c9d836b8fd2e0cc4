"""The border to the container engine: plain values in and out, two kinds of error, and the SDK nowhere else.

The engine may die and come back at any time. Every call may be repeated, and none of them changes what it did not make.
"""

from __future__ import annotations

import contextlib
import os
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import docker
import requests
from docker.errors import APIError, DockerException, ImageNotFound, NotFound

from hathi.model.errors import HathiError, UnavailableError

CALL_SECONDS = 60.0
"""How long one call may take; starting a container on a busy machine takes a few."""

PING_SECONDS = 5.0


class EngineGone(UnavailableError):
    """The engine does not answer."""


class EngineRefused(HathiError):
    """The engine says that something cannot be done; the text is its own."""


@dataclass(frozen=True, slots=True)
class Image:
    """An image that the engine has.

    id: names it on this engine. digests: `repository@sha256:...` of the registries it is known to be in.
    env, user, machine: its ENV, USER, and the architecture it is for. labels: its LABELs.
    watched: it has a HEALTHCHECK.
    """

    id: str
    digests: tuple[str, ...] = ()
    env: Mapping[str, str] = field(default_factory=dict)
    user: str = ""
    machine: str = ""
    labels: Mapping[str, str] = field(default_factory=dict)
    watched: bool = False


@dataclass(frozen=True, slots=True)
class Mount:
    """A folder of the host that a container sees."""

    source: Path
    target: str
    read_only: bool = False


@dataclass(frozen=True, slots=True)
class Plan:
    """A container to be made. command: what it runs, as root. host: limits, as the engine's HostConfig names them.

    unwatched: the image's HEALTHCHECK must not run in it.
    """

    name: str
    image: str
    command: Sequence[str]
    env: Mapping[str, str]
    labels: Mapping[str, str]
    mounts: Sequence[Mount]
    host: Mapping[str, Any] = field(default_factory=dict)
    unwatched: bool = False


@dataclass(frozen=True, slots=True)
class Exit:
    """How a container ended. status: of its process 1, -1 when unknown. error: the engine's words, or "".

    memory: one of its processes was killed for memory, and it ended by that signal.
    """

    status: int
    memory: bool = False
    error: str = ""


def address(environment: Mapping[str, str]) -> str:
    """Return where the engine is: $DOCKER_HOST, else the first socket found, else Docker's usual one."""
    if given := environment.get("DOCKER_HOST"):
        return given
    own = environment.get("XDG_RUNTIME_DIR", "/nowhere")
    usual = "/var/run/docker.sock"
    for path in (usual, f"{own}/docker.sock", f"{own}/podman/podman.sock", "/run/podman/podman.sock"):
        if Path(path).exists():
            return f"unix://{path}"
    return f"unix://{usual}"


class Engine:
    """One engine; safe to use from any thread."""

    def __init__(self, address: str = "") -> None:
        """address: as in $DOCKER_HOST, which is what "" means."""
        self._address = address or globals()["address"](os.environ)
        self._lock = threading.Lock()
        self._clients: dict[float | None, Any] = {}

    def __repr__(self) -> str:
        return f"Engine({self._address})"

    def ping(self) -> None:
        """Return when the engine answers, or raise EngineGone."""
        with self._asking():
            self._client(PING_SECONDS).ping()

    def id(self) -> str:
        """Return what tells this engine from all others."""
        with self._asking():
            return str(self._client(PING_SECONDS).info().get("ID", ""))

    def machine(self) -> str:
        """Return the architecture of the engine's machine."""
        with self._asking():
            return str(self._client().version().get("Arch", ""))

    def image(self, name: str) -> Image | None:
        """Return the image of a name, digest or id, or None when the engine does not have it."""
        with self._asking():
            try:
                found = self._client().inspect_image(name)
            except ImageNotFound:
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
        """Get an image from its registry, with the credentials of the local Docker configuration."""
        with self._asking():
            client = self._client()
            client.reload_config()
            for step in client.pull(name, stream=True, decode=True):
                if "error" in step:
                    raise EngineRefused(step["error"])
                if cancelled():
                    return

    def create(self, plan: Plan) -> str:
        """Make a container, not yet running, and return its id. One of the same name is replaced."""
        self.remove(plan.name)
        with self._asking():
            client = self._client()
            mounts = [
                docker.types.Mount(mount.target, str(mount.source), type="bind", read_only=mount.read_only)
                for mount in plan.mounts
            ]
            made = client.create_container(
                plan.image,
                entrypoint=[plan.command[0]],
                command=list(plan.command[1:]),
                name=plan.name,
                user="0:0",
                environment=dict(plan.env),
                labels=dict(plan.labels),
                healthcheck={"test": ["NONE"]} if plan.unwatched else None,
                host_config=client.create_host_config(mounts=mounts, init=False, cap_drop=["MKNOD"], **dict(plan.host)),
            )
            return str(made["Id"])

    def start(self, id: str) -> None:
        """Start a container."""
        with self._asking():
            self._client().start(id)

    def exited(self, id: str) -> Exit | None:
        """Return how a container ended, or None while it runs."""
        with self._asking():
            try:
                state = self._client().inspect_container(id)["State"]
            except NotFound:
                return Exit(-1, error="it was removed")
        if state.get("Running") or state.get("Status") in ("created", "restarting"):
            return None
        status = int(state.get("ExitCode", -1))
        return Exit(status, bool(state.get("OOMKilled")) and status == 137, state.get("Error") or "")

    def last_words(self, id: str) -> str:
        """Return the last line that a container wrote, "" when it wrote none."""
        with self._asking():
            try:
                lines = self._client().logs(id, tail=1).decode(errors="replace").split("\n")
            except NotFound:
                return ""
        return next((line.strip() for line in reversed(lines) if line.strip()), "")

    def wait(self, id: str) -> None:
        """Return when a container does not run any more."""
        with self._asking(), contextlib.suppress(NotFound):
            self._client(None).wait(id)

    def kill(self, id: str) -> None:
        """End a container that still runs."""
        with self._asking(), contextlib.suppress(NotFound):
            self._client().kill(id)

    def remove(self, id: str) -> None:
        """End and remove a container with its own volumes; nothing happens when there is none."""
        with self._asking():
            try:
                self._client().remove_container(id, v=True, force=True)
            except NotFound:
                pass
            except APIError as error:
                if error.status_code != 409:  # it is being removed already
                    raise

    def labelled(self, label: str) -> list[tuple[str, Mapping[str, str]]]:
        """Return id and labels of every container that has a label `name=value`, running or not."""
        with self._asking():
            found = self._client().containers(all=True, filters={"label": label})
            return [(each["Id"], each.get("Labels") or {}) for each in found]

    def _client(self, seconds: float | None = CALL_SECONDS) -> Any:
        """Return a client whose calls may take so long, None meaning for ever."""
        with self._lock:
            if seconds not in self._clients:
                self._clients[seconds] = docker.APIClient(self._address, version="auto", timeout=seconds)
            return self._clients[seconds]

    @contextlib.contextmanager
    def _asking(self) -> Iterator[None]:
        """Translate what the SDK raises."""
        try:
            yield
        except APIError as error:
            raise EngineRefused(str(error.explanation or error)) from error
        except (DockerException, requests.exceptions.RequestException) as error:
            raise EngineGone(f"the container engine at {self._address} does not answer: {_cause(error)}") from error


def _cause(error: BaseException) -> str:
    """Return the words of the system's error below a pile of others."""
    seen: BaseException | None = error
    while seen is not None:
        if isinstance(seen, OSError) and seen.strerror and not isinstance(seen, requests.exceptions.RequestException):
            return seen.strerror
        seen = seen.__cause__ or seen.__context__
    return str(error)
