"""Containers: made, started, watched and removed. None is touched that was not made here or is not named."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping
from typing import Any

from docker.errors import APIError, DockerException, NotFound
from docker.types import Mount

from hathi.engine.connection import Connection
from hathi.engine.values import Exit, Plan


class Pauses:
    """Yields a container's id, and whether it is paused now, whenever that changes; ends with the engine.

    `close` ends it too, from any thread.
    """

    def __init__(self, events: Any) -> None:
        """events: the SDK's stream of the engine's events."""
        self._events = events

    def __iter__(self) -> Iterator[tuple[str, bool]]:
        for event in self._events:
            yield event["Actor"]["ID"], event["Action"] == "pause"

    def close(self) -> None:
        """End it."""
        with contextlib.suppress(OSError, DockerException):
            self._events.close()


class Containers(Connection):
    """What an engine does with containers."""

    def create(self, plan: Plan) -> str:
        """Make a container, not yet running, and return its id. One of the same name is replaced."""
        if plan.name:
            self.remove(plan.name)
        with self.asking():
            client = self.client()
            mounts = [
                Mount(mount.target, str(mount.source), type="bind", read_only=mount.read_only) for mount in plan.mounts
            ]
            made = client.create_container(
                plan.image.id,
                entrypoint=[plan.command[0]],
                command=list(plan.command[1:]),
                name=plan.name or None,
                user="0:0",
                environment=dict(plan.env),
                labels=dict(plan.labels),
                healthcheck={"test": ["NONE"]} if plan.image.watched else None,
                host_config=client.create_host_config(mounts=mounts, init=False, cap_drop=["MKNOD"], **dict(plan.host)),
            )
            return str(made["Id"])

    def start(self, id: str) -> None:
        """Start a container."""
        with self.asking():
            self.client().start(id)

    def exited(self, id: str) -> Exit | None:
        """Return how a container ended, or None while it runs."""
        with self.asking():
            try:
                state = self.client().inspect_container(id)["State"]
            except NotFound:
                return Exit(-1, error="it was removed")
        if state.get("Running") or state.get("Status") in ("created", "restarting"):
            return None
        status = int(state.get("ExitCode", -1))
        return Exit(status, bool(state.get("OOMKilled")) and status == 137, state.get("Error") or "")

    def last_words(self, id: str) -> str:
        """Return the last line that a container wrote, "" when it wrote none."""
        with self.asking():
            try:
                lines = self.client().logs(id, tail=1).decode(errors="replace").split("\n")
            except NotFound:
                return ""
        return next((line.strip() for line in reversed(lines) if line.strip()), "")

    def wait(self, id: str) -> None:
        """Return when a container does not run any more."""
        with self.asking(), contextlib.suppress(NotFound):
            self.client(None).wait(id)

    def pauses(self, label: str) -> Pauses:
        """Return what tells of the pauses, from now on, of containers that have a label `name=value`."""
        with self.asking():
            filters = {"type": "container", "event": ["pause", "unpause"], "label": label}
            return Pauses(self.client(None).events(filters=filters, decode=True))

    def kill(self, id: str) -> None:
        """End a container that still runs."""
        with self.asking(), contextlib.suppress(NotFound):
            self.client().kill(id)

    def remove(self, id: str) -> None:
        """End and remove a container with its own volumes; nothing happens when there is none."""
        with self.asking():
            try:
                self.client().remove_container(id, v=True, force=True)
            except NotFound:
                pass
            except APIError as error:
                if error.status_code != 409:  # it is being removed already
                    raise

    def labelled(self, label: str, *, ended: bool = False) -> list[tuple[str, Mapping[str, str]]]:
        """Return id and labels of every container that has a label `name=value`, running or not; or only if ended."""
        filters = {"label": label} | ({"status": "exited"} if ended else {})
        with self.asking():
            found = self.client().containers(all=True, filters=filters)
            return [(each["Id"], each.get("Labels") or {}) for each in found]
