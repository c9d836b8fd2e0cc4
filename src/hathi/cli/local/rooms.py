"""The rooms that a command runs datums in: of the kind that the runtime is, each kept while datums fit into it."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from functools import cached_property
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING

from hathi.cli.local.room import Room, process_room
from hathi.cli.local.running import Task
from hathi.cli.session import Session
from hathi.engine.choosing import obtain
from hathi.engine.errors import EngineRefused
from hathi.engine.values import Image
from hathi.images.official import prefix, recipe
from hathi.wire.gen import hathi_pb2

if TYPE_CHECKING:
    from hathi.engine.docker import Engine

PROCESS = "process"


class Rooms:
    """Opens rooms when datums need them; to be closed."""

    def __init__(self, env: Mapping[str, str], runtime: str, show: Sequence[Path] = ()) -> None:
        """show: folders of this machine that processes must see."""
        self._env = env
        self._runtime = runtime
        self._show = show
        self._open: dict[tuple[str, str], tuple[Room, contextlib.ExitStack]] = {}

    def __enter__(self) -> Rooms:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close_others()

    def room(self, task: Task) -> Room:
        """Return a room for a datum: in its image, as that is now, and with its limits."""
        key, make = self._kind(task)
        if key not in self._open:
            with contextlib.ExitStack() as stack:
                room = stack.enter_context(make)
                self._open[key] = (room, stack.pop_all())
        return self._open[key][0]

    def sweep(self) -> None:
        """Remove the containers of those of us who were killed."""
        from hathi.cli.local.contained import sweep

        sweep(self._engine)

    def close_others(self, *needed: Room) -> None:
        """Close all rooms but these."""
        for key, (room, stack) in list(self._open.items()):
            if room not in needed:
                del self._open[key]
                stack.close()

    def _kind(self, task: Task) -> tuple[tuple[str, str], AbstractContextManager[Room]]:
        """Return what tells rooms apart, and what opens the one for a datum."""
        if self._runtime == PROCESS:
            return ("", ""), process_room(self._show)
        from hathi.cli.local.contained import container_room  # brings the engine's SDK, which takes long to load

        image = self._image(task.image)
        limits = json.dumps(task.resources, sort_keys=True)
        return (image.id, limits), container_room(self._engine, image, task.resources)

    def _image(self, name: str) -> Image:
        try:
            return obtain(self._engine, name)
        except EngineRefused as error:
            if how := recipe(name, prefix(self._env)):
                raise EngineRefused(f"{error}\nIt is an official builder; make it with: {how}") from error
            raise

    @cached_property
    def _engine(self) -> Engine:
        from hathi.cli.local.contained import sweep
        from hathi.engine.docker import Engine

        engine = Engine(self._env)
        sweep(engine)
        return engine


def runtime_of(session: Session, project: str, pipeline: str) -> str:
    """Return the runtime that a pipeline was recorded with, "" where the server does not say."""
    if not session.server.is_hathi:
        return ""
    return str(session.server.about.Pipeline(hathi_pb2.PipelineRequest(project=project, pipeline=pipeline)).runtime)


def defaults(session: Session) -> hathi_pb2.ServerResponse:
    """Return what the server tells of itself: how a new pipeline would be run; nothing where it does not say."""
    if not session.server.is_hathi:
        return hathi_pb2.ServerResponse()
    answer: hathi_pb2.ServerResponse = session.server.about.Server(hathi_pb2.ServerRequest())
    return answer
