"""The border to whatever makes workers exist.

A runtime makes declared groups of workers exist and tells what became of them. It knows nothing of datums or jobs: a
worker, once started, asks the server for work. Every call is idempotent, and returns soon; progress shows in
`observe`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol


@dataclass(frozen=True, slots=True)
class WorkerGroup:
    """The workers of one version of a pipeline.

    key: unique and stable, `<project>/<pipeline>/v<version>`.
    scale: how many workers there should be.
    transform: the spec's transform (image, user, working_dir, ...), snake_case.
    resources: the spec's resource_requests and resource_limits.
    busy: whether there is work for them; where workers are few, those with work have them first.
    """

    key: str
    project: str
    pipeline: str
    version: int
    scale: int
    transform: Mapping[str, Any] = field(default_factory=dict)
    resources: Mapping[str, Any] = field(default_factory=dict)
    busy: bool = True


@dataclass(frozen=True, slots=True)
class GroupStatus:
    """What is true of a group now.

    ready: workers that can take work. problem: why fewer than wanted are ready, in words for a person, or "".
    restarts: how often workers of the group died and were started again.
    image: the image that really runs, as exactly as the runtime knows it ("" in the process runtime).
    workers: names of the workers that live, each from before it can take work until it surely does nothing any more,
    so that the work of all others may be given to somebody else; None when the runtime cannot tell. A name is never
    used twice: what is started again after its death is another worker.
    busy: as declared. granted: workers that the machine has for it now, None when as many as wanted. waiting: why that
    is fewer, in words for a person, or "".
    """

    wanted: int
    ready: int
    problem: str = ""
    restarts: int = 0
    image: str = ""
    workers: frozenset[str] | None = None
    busy: bool = True
    granted: int | None = None
    waiting: str = ""


class Runtime(Protocol):
    """Makes groups of workers exist. Safe to call from any thread."""

    name: str

    def check(self) -> str:
        """Return "" when workers can run here, else what is missing and how to enable it."""
        ...

    def engine(self) -> str:
        """Return what tells the workers' container engine from all others; "" when there is none, or it is down."""
        ...

    def unenforced(self, resources: Mapping[str, Any]) -> Sequence[str]:
        """Return what of a spec's resources is not enforced here, and why, each in words for a person."""
        ...

    def ensure(self, group: WorkerGroup) -> None:
        """Make the group exist as declared; a group of the same key is changed to fit."""
        ...

    def remove(self, key: str) -> None:
        """Stop and forget the group; nothing happens when there is none."""
        ...

    def observe(self) -> Mapping[str, GroupStatus]:
        """Return what is true of each group, by key. No worker lives of a group that is not in it."""
        ...

    def on_change(self, notify: Callable[[str], None]) -> None:
        """Call `notify(key)` from any thread whenever what `observe` tells of a group changes."""
        ...

    def close(self) -> None:
        """Stop every worker; the groups are declared anew after a restart."""
        ...
