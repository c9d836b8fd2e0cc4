"""The record of what one background task fails at, and the few log lines that tell of it.

Many subjects often fail for one reason (the database is away), so the log counts by reason: one line at the first
failure, one each time the number has doubled, and one when the last subject concerned has succeeded again. A traceback
is shown for an unexpected exception only, and once for the place that raised it.
"""

from __future__ import annotations

import logging
import threading
import traceback
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from hathi.model.errors import HathiError
from hathi.supervision.backoff import Backoff

log = logging.getLogger("hathi.background")

REASON_LENGTH = 500
"""Most characters of a reason that are kept."""

REASONS_PER_SUBJECT = 8
"""Reasons of one subject that are logged each by itself; a subject with more is counted as a whole."""

ORIGINS = 256
"""Most places in the code whose traceback was shown that are remembered."""


@dataclass(frozen=True, slots=True)
class Failure:
    """What a background task cannot do for now.

    task: the task's name.
    subject: what it concerns (a commit, a job), "" when the task has only one.
    reason: the last error, in a line.
    since, last: when the first and the latest try in a row failed.
    times: failed tries in a row.
    retry: when it is tried again, at the latest.
    """

    task: str
    subject: str
    reason: str
    since: datetime
    last: datetime
    times: int
    retry: datetime

    @property
    def pause(self) -> float:
        """Seconds from the latest try to the next one, at most."""
        return (self.retry - self.last).total_seconds()

    @property
    def notable(self) -> bool:
        """Whether the number of failures has doubled since this was last true: what a log should have."""
        return _power_of_two(self.times)


def describe(error: BaseException) -> str:
    """Return an error in one line for a person; an unexpected one is shown with its kind."""
    text = error.message if isinstance(error, HathiError) else f"{type(error).__name__}: {error}"
    text = " ".join(text.split())
    return text if len(text) <= REASON_LENGTH else f"{text[: REASON_LENGTH - 1]}…"


def supervised(error: BaseException) -> bool:
    """Return whether an error is the supervisor's to handle: any error in a thread of its own.

    In the main thread, where tests do the work, an interrupt is for whoever runs the program.
    """
    return isinstance(error, Exception) or threading.current_thread() is not threading.main_thread()


class Failures:
    """What one task fails at now. Thread-safe."""

    def __init__(self, task: str, backoff: Backoff) -> None:
        self._task = task
        self._backoff = backoff
        self._lock = threading.Lock()
        self._failing: dict[str, Failure] = {}
        self._reasons: dict[str, _Reason] = {}
        self._reasons_of: dict[str, list[str]] = {}
        self._origins: set[tuple[str, str, int]] = set()

    def failed(self, subject: str, error: BaseException, now: datetime) -> Failure:
        """Record a failed try, log it where that is due, and return what is known of the failure."""
        text = describe(error)
        with self._lock:
            before = self._failing.get(subject)
            times = before.times + 1 if before else 1
            retry = now + timedelta(seconds=self._backoff.seconds(times))
            since = before.since if before else now
            failure = Failure(self._task, subject, text, since, now, times, retry)
            self._failing[subject] = failure
            due = self._count(failure)
            shown = due and not isinstance(error, HathiError) and self._first_from(error)
        if due:
            about = f"{self._task}{f' of {subject}' if subject else ''}"
            often = f" (failed {times} times in a row)" if times > 1 else ""
            seconds = (retry - now).total_seconds()
            log.error("%s: %s%s; trying again in %g s", about, text, often, seconds, exc_info=error if shown else None)
        return failure

    def succeeded(self, subject: str, now: datetime) -> Failure | None:
        """Record a try that succeeded; return the failure that is over, None when there was none."""
        if subject not in self._failing:
            return None  # the usual case costs no lock: only the thread that works on the subject adds it
        with self._lock:
            failure = self._failing.pop(subject, None)
            if failure is None:
                return None
            over = [reason for text in self._reasons_of.pop(subject, []) if (reason := self._leave(text, subject))]
            if not self._failing:
                self._origins.clear()
        if over:
            times = sum(reason.times for reason in over)
            since = min(reason.since for reason in over)
            log.warning(
                "%s: works again after %s and %.0f s: %s",
                self._task,
                "1 failure" if times == 1 else f"{times} failures",
                (now - since).total_seconds(),
                over[-1].text,
            )
        return replace(failure, last=now)

    def of(self, subject: str) -> Failure | None:
        """Return what is known of a subject that fails; None when it does not."""
        return self._failing.get(subject)

    def all(self) -> tuple[Failure, ...]:
        """Return everything that fails now, longest first."""
        with self._lock:
            return tuple(sorted(self._failing.values(), key=lambda failure: (failure.since, failure.subject)))

    def _count(self, failure: Failure) -> bool:
        """Count a failure; return whether it is to be logged."""
        texts = self._reasons_of.setdefault(failure.subject, [])
        if failure.reason not in texts:
            if len(texts) == REASONS_PER_SUBJECT:
                return failure.notable
            texts.append(failure.reason)
        reason = self._reasons.setdefault(failure.reason, _Reason(failure.reason, failure.last, set()))
        reason.subjects.add(failure.subject)
        reason.times += 1
        return _power_of_two(reason.times)

    def _leave(self, text: str, subject: str) -> _Reason | None:
        """Forget that a subject fails for a reason; return the reason when nothing fails for it any more."""
        reason = self._reasons[text]
        reason.subjects.discard(subject)
        return None if reason.subjects else self._reasons.pop(text)

    def _first_from(self, error: BaseException) -> bool:
        frames = traceback.extract_tb(error.__traceback__, limit=-1)
        origin = (type(error).__name__, frames[0].filename, frames[0].lineno or 0) if frames else ("", "", 0)
        if origin in self._origins or len(self._origins) == ORIGINS:
            return False
        self._origins.add(origin)
        return True


@dataclass(slots=True)
class _Reason:
    """Why subjects fail: which, how often all together, and since when."""

    text: str
    since: datetime
    subjects: set[str]
    times: int = 0


def _power_of_two(number: int) -> bool:
    return number & (number - 1) == 0
