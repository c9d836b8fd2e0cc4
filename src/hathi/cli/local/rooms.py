"""Which kind of room a pipeline's datums run in here: the kind that its runtime is."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager
from pathlib import Path

from hathi.cli.errors import CliError
from hathi.cli.local.room import Room, process_room
from hathi.cli.local.running import Task
from hathi.cli.session import Session
from hathi.wire.gen import hathi_pb2

PROCESS = "process"


def room_for(session: Session, task: Task, show: Sequence[Path] = ()) -> AbstractContextManager[Room]:
    """Return a room for the datums of a task's pipeline. show: folders of this machine that its code must see."""
    runtime = _runtime(session, task)
    if runtime == PROCESS:
        return process_room(show)
    raise CliError(f'datums of pipeline "{task.pipeline}" run in containers ({runtime or "of the original"})')


def _runtime(session: Session, task: Task) -> str:
    """Return the runtime that a pipeline was recorded with, "" where the server does not say."""
    if not session.server.is_hathi:
        return ""
    request = hathi_pb2.PipelineRequest(project=task.project, pipeline=task.pipeline)
    return str(session.server.about.Pipeline(request).runtime)
