"""What a trial found, as plain values."""

from __future__ import annotations

from dataclasses import dataclass, field

GOOD = ("success", "skipped", "recovered")
"""States of datums that fail nothing."""

NOT_RUN = "not run"
"""State of a datum that nobody has begun with; its pipeline or its job says why."""

NOT_ENDED = "not ended"
"""State of a job, and of a datum, that was still running when nobody waited for it any longer."""


@dataclass(frozen=True, slots=True)
class DatumResult:
    """A datum. files: what it reads, in words. log: its last lines, kept of datums that failed."""

    id: str
    files: str
    state: str
    seconds: float = 0.0
    log: tuple[str, ...] = ()

    @property
    def ran(self) -> bool:
        """Whether anything can be said of it."""
        return self.state != NOT_RUN

    @property
    def failed(self) -> bool:
        """Whether it stands in the way."""
        return self.ran and self.state not in GOOD


@dataclass(frozen=True, slots=True)
class PipelineResult:
    """A pipeline's job. state: the job's, or "not created". outputs: (path, bytes) of each file it made."""

    pipeline: str
    state: str
    reason: str = ""
    seconds: float = 0.0
    datums: tuple[DatumResult, ...] = ()
    outputs: tuple[tuple[str, int], ...] = ()

    @property
    def idle(self) -> bool:
        """Whether all went well because there was nothing to do, which says nothing of the code."""
        return self.state == "success" and not self.datums

    @property
    def failed(self) -> bool:
        """Whether the pull request should not be merged as it is."""
        return self.state != "success" or any(datum.failed for datum in self.datums)


@dataclass(frozen=True, slots=True)
class Trial:
    """A trial of one revision.

    sample: most datums of each input that were tried, 0 for all. images: what ran. code: folders that were sent.
    """

    revision: str
    sample: int
    images: tuple[str, ...] = ()
    code: tuple[str, ...] = ()
    pipelines: tuple[PipelineResult, ...] = field(default_factory=tuple)

    @property
    def failed(self) -> bool:
        """Whether anything failed."""
        return any(pipeline.failed for pipeline in self.pipelines)
