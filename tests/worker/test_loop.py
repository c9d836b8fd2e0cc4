from __future__ import annotations

from pathlib import Path
from typing import Any

from hathi.datum.frames import Command, Outcome
from hathi.model.errors import ConflictError, InternalError, UnavailableError
from hathi.model.packs import holder_of
from hathi.worker.loop import CLAIM_SECONDS, Leave
from hathi.worker.server import Beat, ClaimUnreadable

Rig = Any


def test_sets_are_claimed_until_stopped(rig: Rig) -> None:
    rig.server.claims = [rig.claim(2), rig.claim(1)]
    claim = rig.server.claim

    def last(wait: float) -> Any:
        found = claim(wait)
        if found is None:
            rig.stopped.set()
        return found

    rig.server.claim = last
    rig.worker.run()
    assert [report.processed for report in rig.server.reports] == [2, 1]


def test_an_idle_worker_pins_nothing_old_while_it_waits(rig: Rig) -> None:
    """It waits only after it has said, with nothing pinned, that it needs nothing old any more."""
    rig.server.claims = [rig.claim(1)]
    seen: list[Any] = []
    pinned: list[bool] = [False]
    claim = rig.server.claim

    class Pin:
        def __enter__(self) -> None:
            pinned[0] = True

        def __exit__(self, *_: object) -> None:
            pinned[0] = False

    def asked(wait: float) -> Any:
        seen.append((wait, pinned[0]))
        if len(seen) > 3:
            rig.stopped.set()
        return claim(wait)

    rig.server.claim = asked
    rig.worker._reading = Pin
    rig.worker._idle = lambda: seen.append(("idle", pinned[0]))
    rig.worker.run()
    assert seen == [(0.0, True), (0.0, True), ("idle", False), (CLAIM_SECONDS, True), ("idle", False)]


def test_a_server_that_does_not_answer_is_asked_again_later_and_later(rig: Rig) -> None:
    """The report is delivered once it answers again: nothing that was done is done again."""
    claim = rig.claim()
    report = rig.server.report
    failures = iter(range(4))

    def failing(value: Any) -> bool:
        if next(failures, None) is not None:
            raise UnavailableError("nobody answers")
        return bool(report(value))

    rig.server.report = failing
    assert rig.worker.work(claim)
    assert len(rig.server.reports) == 1
    assert rig.pauses == [0.1, 0.2, 0.4, 0.8]


def test_logs_are_delivered_before_the_report(rig: Rig) -> None:
    rig.sandbox.printed = [(b"hello\n", False), (b"tail", True)]
    seen: list[list[str]] = []
    report = rig.server.report
    rig.server.report = lambda value: (seen.append(rig.server.text()), report(value))[1]
    rig.worker.work(rig.claim())
    assert seen == [["hello", "tail"]]


def test_a_lost_claim_ends_at_once_and_reports_nothing(rig: Rig, monkeypatch: Any) -> None:
    monkeypatch.setattr("hathi.worker.beats.BEAT_SECONDS", 0.01)

    def wait(command: Command, folder: Path) -> Outcome:
        rig.server.answer = Beat(lost=True)
        assert rig.sandbox.killed.wait(30)
        return Outcome(-1, 9, killed=True)

    rig.program = wait
    assert not rig.worker.work(rig.claim(3))
    assert len(rig.sandbox.commands) == 1
    assert rig.server.reports == []


def test_a_set_that_could_not_be_run_tells_what_it_stored_for_nothing(rig: Rig, monkeypatch: Any) -> None:
    def fails(self: Any) -> Any:
        self._upload.put(b"stored")
        self._upload.seal()
        raise UnavailableError("the store is gone")

    monkeypatch.setattr("hathi.worker.batch.Batch.run", fails)
    rig.server.register = lambda holder, packs: None
    rig.worker.work(rig.claim())
    (report,) = rig.server.reports
    assert report.error == "the store is gone"
    assert [holder_of(pack.name) for pack in report.packs] == [report.holder] == [rig.ledger.holder()]


def test_what_a_claim_names_is_pinned_from_before_it_is_made(rig: Rig) -> None:
    pinned: list[bool] = []

    def claim(wait: float) -> Any:
        pinned.append(rig.ledger.pins.held() is not None)
        rig.stopped.set()

    rig.server.claim = claim
    rig.worker._reading = rig.ledger.pins.hold
    rig.worker.run()
    assert pinned == [True]
    assert rig.ledger.pins.held() is None


def test_a_report_that_is_refused_does_not_end_the_worker(rig: Rig) -> None:
    def refuse(report: Any) -> bool:
        raise ConflictError("the lease has lapsed")

    rig.server.report = refuse
    assert not rig.worker.work(rig.claim())
    assert rig.pauses == [0.1]


def test_a_refused_report_is_told_as_the_reason_why_the_set_is_handed_back(rig: Rig) -> None:
    taken: list[Any] = []

    def refuse(report: Any) -> bool:
        if not report.error:
            raise ConflictError("it has records of other datums")
        taken.append(report)
        return True

    rig.server.report = refuse
    assert not rig.worker.work(rig.claim())
    assert [report.error for report in taken] == ["the server refused the report: it has records of other datums"]


def test_a_claim_that_cannot_be_read_is_handed_back_with_the_reason(rig: Rig) -> None:
    def claim(wait: float) -> Any:
        rig.stopped.set()
        raise ClaimUnreadable("c", "message larger than max")

    rig.server.claim = claim
    rig.stopped.is_set = iter([False, False, False, False, True]).__next__
    rig.worker.run()
    (report,) = rig.server.reports
    assert (report.claim, report.error) == ("c", "the claimed set cannot be read: message larger than max")


def test_a_store_that_cannot_be_used_is_told_as_the_reason(rig: Rig) -> None:
    def gone(folder: str) -> Any:
        raise UnavailableError("no bucket")

    rig.worker._chunks = gone
    assert not rig.worker.work(rig.claim())
    (report,) = rig.server.reports
    assert report.error == "the store cannot be used: no bucket"


def test_a_report_is_tried_a_few_times_when_the_server_has_an_internal_error(rig: Rig) -> None:
    report, errors = rig.server.report, iter([InternalError("oops")] * 2)

    def fails(value: Any) -> bool:
        for error in errors:
            raise error
        return bool(report(value))

    rig.server.report = fails
    assert rig.worker.work(rig.claim())


def test_a_report_that_is_an_internal_error_each_time_is_given_up(rig: Rig) -> None:
    tries: list[str] = []

    def fails(value: Any) -> bool:
        tries.append(value.error)
        raise InternalError("oops")

    rig.server.report = fails
    assert not rig.worker.work(rig.claim())
    assert tries == [""] * 5 + ["the server refused the report: oops"] * 5


def test_a_worker_that_is_to_leave_ends_when_its_set_is_done_and_at_once_when_it_has_none() -> None:
    ended: list[str] = []
    leave = Leave(lambda: ended.append("now"))
    with leave.working():
        leave.ask()
        assert ended == []
    assert ended == ["now"]
    Leave(lambda: ended.append("idle")).ask()
    assert ended == ["now", "idle"]


def test_a_worker_reports_its_set_before_it_leaves(rig: Rig) -> None:
    rig.server.claims = [rig.claim(1), rig.claim(1)]
    rig.worker._leave = Leave(rig.stopped.set)
    report = rig.server.report

    def last(value: Any) -> bool:
        rig.worker._leave.ask()
        assert not rig.stopped.is_set()
        return bool(report(value))

    rig.server.report = last
    rig.worker.run()
    assert len(rig.server.reports) == 1
    assert len(rig.server.claims) == 1, "it asked for no more"
