"""Where the engine is, and how to ask it: clients of the SDK by how long they wait, and its errors translated."""

from __future__ import annotations

import contextlib
import os
import threading
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import docker
import requests
from docker.credentials.errors import StoreError
from docker.errors import APIError, DockerException
from docker.utils import kwargs_from_env

from hathi.engine.errors import EngineGone, EngineRefused

CALL_SECONDS = 60.0
"""How long one call may take; starting a container on a busy machine takes a few."""

PING_SECONDS = 5.0


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


class Connection:
    """A way to one engine; safe to use from any thread. Nothing is asked of it before the first call."""

    def __init__(self, environment: Mapping[str, str] | None = None) -> None:
        """environment: $DOCKER_HOST and the like, None for our own."""
        environment = os.environ if environment is None else environment
        self.address = address(environment)
        self._options = kwargs_from_env(environment=dict(environment)) | (
            {} if environment.get("DOCKER_HOST") else {"base_url": self.address}
        )
        self._lock = threading.Lock()
        self._clients: dict[float | None, Any] = {}

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.address})"

    def ping(self) -> None:
        """Return when the engine answers, or raise EngineGone."""
        with self.asking():
            self.client(PING_SECONDS).ping()

    def id(self) -> str:
        """Return what tells this engine from all others."""
        with self.asking():
            return str(self.client(PING_SECONDS).info().get("ID", ""))

    def machine(self) -> str:
        """Return the architecture of the engine's machine."""
        with self.asking():
            return str(self.client().version().get("Arch", ""))

    def client(self, seconds: float | None = CALL_SECONDS) -> Any:
        """Return a client of the SDK whose calls may take so long, None meaning for ever."""
        with self._lock:
            if seconds not in self._clients:
                self._clients[seconds] = docker.APIClient(version="auto", timeout=seconds, **self._options)
            return self._clients[seconds]

    @contextlib.contextmanager
    def asking(self) -> Iterator[None]:
        """Translate what the SDK raises."""
        try:
            yield
        except APIError as error:
            raise EngineRefused(str(error.explanation or error)) from error
        except StoreError as error:
            raise EngineRefused(f"the local Docker configuration's credential helper failed: {error}") from error
        except (DockerException, requests.exceptions.RequestException) as error:
            raise EngineGone(f"the container engine at {self.address} does not answer: {_cause(error)}") from error


def _cause(error: BaseException) -> str:
    """Return the words of the system's error below a pile of others."""
    seen: BaseException | None = error
    while seen is not None:
        if isinstance(seen, OSError) and seen.strerror and not isinstance(seen, requests.exceptions.RequestException):
            return seen.strerror
        seen = seen.__cause__ or seen.__context__
    return str(error)
