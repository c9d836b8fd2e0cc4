"""The worker's life: claim a set, run it, report, and again, until its owner goes or no sandbox can be made."""

from __future__ import annotations

import os
import sys
import threading
import traceback
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import replace
from pathlib import Path
from typing import TypeVar

from hathi.datum.sandbox import Sandbox
from hathi.model.errors import HathiError, InternalError, NotFoundError, UnavailableError
from hathi.model.packs import LeaseLapsed, PackRecord
from hathi.storage.chunks.store import Chunks
from hathi.storage.chunks.upload import Upload
from hathi.worker.attempts import Stopped
from hathi.worker.batch import Batch, Bench
from hathi.worker.beats import Beats
from hathi.worker.logs import Logs
from hathi.worker.server import Claim, ClaimUnreadable, Report, Server

T = TypeVar("T")

CLAIM_SECONDS = 60.0
"""How long one call waits for work; it only bounds how long a connection that died unnoticed is waited for."""

FIRST_PAUSE, LAST_PAUSE = 0.1, 5.0
"""Seconds before the server is asked again when it does not answer: doubling from the first to the last."""

INTERNAL_TRIES = 5
"""How often a call is tried whose answer is "internal error": work that is done deserves several reports."""


class Sandboxes:
    """The worker's one sandbox, made anew when it has ended."""

    def __init__(self, make: Callable[[], Sandbox]) -> None:
        self._make = make
        self._present: Sandbox | None = None

    def get(self) -> Sandbox:
        """Return a sandbox that has not been closed. From one thread only; SandboxGone when none can be made."""
        if self._present is None or self._present.closed:
            self._present = self._make()
        return self._present

    def close(self) -> None:
        """End it."""
        if self._present is not None:
            self._present.close()


class Leave:
    """Lets the process end when its owner asks for it, though not while it works on a set."""

    def __init__(self, end: Callable[[], object] = lambda: os._exit(0)) -> None:
        """end: ends the process."""
        self._end = end
        self._lock = threading.Lock()
        self._wanted = False
        self._working = False

    def ask(self) -> None:
        """End now, or as soon as the set at hand is reported."""
        with self._lock:
            self._wanted = True
            if not self._working:
                self._end()

    @contextmanager
    def working(self) -> Iterator[None]:
        """Work in the block. A set handed out just before the end is given to others, as a dead worker's is."""
        with self._lock:
            self._working = True
        yield
        with self._lock:
            self._working = False
            if self._wanted:
                self._end()


class Worker:
    """Claims and runs sets until `stopped`, or until its owner asks it to leave.

    chunks: returns the chunk store, given the folder of the object store as a claim names it.
    pause: waits so many seconds, less when the worker is stopped. reading: pins what is live, as long as it is entered.
    idle: called when nothing was claimed and nothing is pinned.
    """

    def __init__(
        self,
        server: Server,
        bench: Bench,
        chunks: Callable[[str], Chunks],
        stopped: threading.Event,
        pause: Callable[[float], object] | None = None,
        reading: Callable[[], AbstractContextManager[object]] = nullcontext,
        leave: Leave | None = None,
        idle: Callable[[], object] = lambda: None,
    ) -> None:
        self._server = server
        self._bench = bench
        self._chunks = chunks
        self._stopped = stopped
        self._pause = pause or stopped.wait
        self._reading = reading
        self._leave = leave or Leave()
        self._idle = idle

    def run(self) -> None:
        """Work until stopped. Raises SandboxGone when no sandbox can be made any more."""
        self._bench.sandbox()
        claimed = True
        while not self._stopped.is_set():
            reading = self._insist(self._reading)
            if reading is not None:
                with reading:  # the roots that a claim names stay readable from before it is made
                    # What is pinned while it waits must be as new as can be, since garbage collection waits for it. So
                    # it looks first whether there is work, then hears what is new, and only then waits.
                    claimed = self._work_once(0.0 if claimed else CLAIM_SECONDS)
                if not claimed:
                    self._idle()

    def _work_once(self, wait: float) -> bool:
        """Claim a set and run it; returns whether one came up within `wait` seconds."""
        try:
            claim = self._insist(lambda: self._server.claim(wait))
        except ClaimUnreadable as error:
            self._hand_back(error.claim, str(error))
            return True
        if claim is not None:
            with self._leave.working():
                self.work(claim)
        return claim is not None

    def work(self, claim: Claim) -> bool:
        """Run one set and report; returns whether the report was taken."""
        self._bench.sandbox()
        try:
            chunks = self._chunks(claim.objects)
            with chunks.upload() as upload:
                return self._work(claim, chunks, upload)
        except Stopped:
            return False
        except UnavailableError as error:
            return self._hand_back(claim.id, f"the store cannot be used: {error}")
        except HathiError as error:
            return self._hand_back(claim.id, f"the server refused the report: {error}")
        except OSError as error:
            return self._hand_back(claim.id, f"the worker cannot go on: {error}")

    def _work(self, claim: Claim, chunks: Chunks, upload: Upload) -> bool:
        logs = Logs(self._server, claim.project, claim.pipeline, claim.job, claim.datum_set)
        try:
            with Beats(self._server, claim.id, claim.seconds, lambda: not upload.lapsed) as beats:
                report = _run(claim.id, Batch(claim, self._bench, chunks, upload, beats, logs))
                if report.error:
                    packs = [PackRecord(name, 0, 0) for name in upload.unnamed()]  # for the server to delete
                    report = replace(report, holder=upload.holder, packs=packs)
                logs.flush()  # lines of a datum are there before anybody can see that it ended
                return self._insist(lambda: not beats.lost and self._server.report(report)) or False
        finally:
            logs.drop()

    def _hand_back(self, claim: str, reason: str) -> bool:
        """Give up a claim, telling the server why; it hands the set out again, and ends the job when that is no use."""
        try:
            self._insist(lambda: self._server.report(Report(claim, error=reason)))
        except HathiError as error:
            sys.stderr.write(f"{reason}; and the server refused to hear of it: {error}\n")
        self._pause(FIRST_PAUSE)
        return False

    def _insist(self, call: Callable[[], T]) -> T | None:
        """Return what a call returns, asking again while the server does not answer."""
        pause, tries = FIRST_PAUSE, INTERNAL_TRIES
        while not self._stopped.is_set():
            try:
                return call()
            except NotFoundError:
                pass  # the group is not there: we are about to be stopped, or about to be declared
            except UnavailableError:
                pass
            except InternalError:
                tries -= 1
                if not tries:
                    raise
            self._pause(pause)
            pause = min(pause * 2, LAST_PAUSE)
        return None


def _run(claim: str, batch: Batch) -> Report:
    """Run a set; what is not its datums' fault becomes a report that hands it back."""
    try:
        return batch.run()
    except LeaseLapsed as error:
        raise Stopped from error
    except HathiError as error:
        return Report(claim, error=str(error))
    except OSError as error:
        return Report(claim, error=f"the worker cannot go on: {error}")
    except Exception as error:
        traceback.print_exc()  # a fault of ours: the job must not wait for it for ever
        return Report(claim, error=f"internal error of the worker: {type(error).__name__}: {error}")


def stage_folder(scratch: Path) -> Path:
    """Return the folder for datums below a worker's scratch folder, made if needed."""
    folder = scratch / "stage"
    folder.mkdir(parents=True, exist_ok=True)
    return folder
