"""One container on this machine's engine, for a person who runs a datum by hand; it goes when they are done.

The server's runtime keeps many containers alive through everything; here there is one, and whatever goes wrong is told.
"""

from __future__ import annotations

import contextlib
import socket
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from hathi.images.engine import EngineUnavailable
from hathi.model.errors import PreconditionError

LABEL, VALUE = "hathi.by-hand", "pachctl"
"""What every container here is labelled with."""


class ContainerRefused(PreconditionError):
    """The engine cannot do what is asked; the text is its own."""


@dataclass(frozen=True, slots=True)
class LocalImage:
    """An image that the engine has. env, user, machine, labels: as it says of itself. watched: it has a HEALTHCHECK."""

    id: str
    env: Mapping[str, str] = field(default_factory=dict)
    user: str = ""
    machine: str = ""
    labels: Mapping[str, str] = field(default_factory=dict)
    watched: bool = False


@dataclass(frozen=True, slots=True)
class Bind:
    """A folder of this machine, and where a container sees it."""

    source: Path
    target: str
    read_only: bool = False


class Containers:
    """The engine that $DOCKER_HOST names, or the usual one."""

    def __init__(self, env: Mapping[str, str]) -> None:
        import docker
        from docker.utils import kwargs_from_env

        try:
            self._client: Any = docker.APIClient(version="auto", **kwargs_from_env(environment=dict(env)))
        except docker.errors.DockerException as error:
            raise EngineUnavailable(
                f"no container engine answers here ({error}); start one, or set DOCKER_HOST"
            ) from error

    def image(self, name: str) -> LocalImage:
        """Return the image of a name, pulled when it is not here. ContainerRefused."""
        import docker

        with _asking():
            try:
                found = self._client.inspect_image(name)
            except docker.errors.ImageNotFound:
                self._pull(name)
                found = self._client.inspect_image(name)
        config = found.get("Config") or {}
        return LocalImage(
            id=found["Id"],
            env=dict(line.split("=", 1) for line in config.get("Env") or () if "=" in line),
            user=config.get("User") or "",
            machine=found.get("Architecture") or "",
            labels=config.get("Labels") or {},
            watched=bool(config.get("Healthcheck")),
        )

    def start(
        self,
        image: LocalImage,
        command: Sequence[str],
        env: Mapping[str, str],
        binds: Sequence[Bind],
        limits: Mapping[str, Any],
    ) -> str:
        """Start a container that runs `command` as root, and return its id. ContainerRefused.

        limits: as the engine's HostConfig names them.
        """
        import docker

        with _asking():
            mounts = [
                docker.types.Mount(bind.target, str(bind.source), type="bind", read_only=bind.read_only)
                for bind in binds
            ]
            made = self._client.create_container(
                image.id,
                entrypoint=[command[0]],
                command=list(command[1:]),
                user="0:0",
                environment=dict(env),
                labels={LABEL: VALUE},
                healthcheck={"test": ["NONE"]} if image.watched else None,
                host_config=self._client.create_host_config(
                    mounts=mounts, init=False, cap_drop=["MKNOD"], **dict(limits)
                ),
            )
            id = str(made["Id"])
            try:
                self._client.start(id)
            except docker.errors.APIError:
                self.remove(id)
                raise
            return id

    def sweep(self) -> None:
        """Remove the ended containers of those of us who were killed."""
        with _asking():
            ended = self._client.containers(all=True, filters={"label": f"{LABEL}={VALUE}", "status": "exited"})
        for each in ended:
            self.remove(str(each["Id"]))

    def why_ended(self, id: str) -> str:
        """Wait until a container ends, and return why."""
        try:
            with _asking():
                status = self._client.wait(id)["StatusCode"]
                state = self._client.inspect_container(id)["State"]
                words = self._client.logs(id, tail=1).decode(errors="replace").strip()
        except PreconditionError as error:
            return str(error)
        if state.get("OOMKilled"):
            return "the container ran out of memory"
        return ": ".join(part for part in (f"the container ended with status {status}", words) if part)

    @contextlib.contextmanager
    def terminal(self, id: str, argv: Sequence[str], **how: Any) -> Iterator[tuple[str, socket.socket]]:
        """Run something at a terminal in a container; gives its id for `resize` and `ended`, and its two-way stream."""
        with _asking():
            made = self._client.exec_create(id, list(argv), stdin=True, tty=True, **how)["Id"]
            stream = self._client.exec_start(made, tty=True, socket=True)
        inner: socket.socket = getattr(stream, "_sock", stream)
        inner.setblocking(True)
        try:
            yield made, inner
        finally:
            stream.close()

    def resize(self, terminal: str, rows: int, columns: int) -> None:
        """Tell the size of a terminal."""
        with _asking(), contextlib.suppress(Exception):
            self._client.exec_resize(terminal, height=rows, width=columns)

    def ended(self, terminal: str) -> int:
        """Return the exit status of what ran at a terminal."""
        with _asking():
            return int(self._client.exec_inspect(terminal)["ExitCode"] or 0)

    def remove(self, id: str) -> None:
        """End and remove a container."""
        import docker

        with _asking(), contextlib.suppress(docker.errors.NotFound):
            self._client.remove_container(id, v=True, force=True)

    def _pull(self, name: str) -> None:
        if name.startswith("sha256:"):
            raise ContainerRefused(f"the image {name} is not on this machine any more, and no registry knows it")
        for step in self._client.pull(name, stream=True, decode=True):
            if "error" in step:
                raise ContainerRefused(f'the image "{name}" cannot be pulled: {step["error"]}')


@contextlib.contextmanager
def _asking() -> Iterator[None]:
    """Translate what the SDK raises."""
    import docker
    import requests

    try:
        yield
    except docker.errors.APIError as error:
        raise ContainerRefused(str(error.explanation or error)) from error
    except (docker.errors.DockerException, requests.exceptions.RequestException) as error:
        raise EngineUnavailable(f"the container engine does not answer: {error}") from error
