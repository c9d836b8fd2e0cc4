"""Which kind of room a pipeline's datums run in here: the kind that its runtime is."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager
from pathlib import Path

from hathi.cli.local.room import Room, process_room
from hathi.cli.session import Session
from hathi.wire.gen import hathi_pb2

PROCESS = "process"


def room_for(session: Session, runtime: str, image: str, show: Sequence[Path] = ()) -> AbstractContextManager[Room]:
    """Return a room for datums of a runtime.

    image: the one they run in, where they run in one. show: folders of this machine that processes must see.
    """
    if runtime == PROCESS:
        return process_room(show)
    from hathi.cli.local.contained import container_room  # brings the engine's SDK, which takes long to load

    return container_room(session.env, image)


def runtime_of(session: Session, project: str, pipeline: str) -> str:
    """Return the runtime that a pipeline was recorded with, "" where the server does not say."""
    if not session.server.is_hathi:
        return ""
    return str(session.server.about.Pipeline(hathi_pb2.PipelineRequest(project=project, pipeline=pipeline)).runtime)


def default_runtime(session: Session) -> str:
    """Return the runtime that a new pipeline would be recorded with, "" where the server does not say."""
    return str(session.server.about.Server(hathi_pb2.ServerRequest()).runtime) if session.server.is_hathi else ""
