"""What fails is recorded with its reason, and the log says it once, at each doubling, and when it is over."""

from __future__ import annotations

import pytest

from hathi.model.errors import UnavailableError
from hathi.supervision.backoff import Backoff
from hathi.supervision.failures import Failures, describe

AWAY = UnavailableError("the database does not answer")


@pytest.fixture
def failures(clock):
    return Failures("folding", Backoff())


def raised(error: BaseException) -> BaseException:
    """The error as it arrives where it is caught, from a place that is always the same."""
    try:
        raise error
    except BaseException as caught:
        return caught


def test_the_wait_doubles_from_one_second_to_a_minute():
    assert [Backoff().seconds(times) for times in (1, 2, 3, 6, 7, 1000, 10**9)] == [1, 2, 4, 32, 60, 60, 60]


def test_a_failure_tells_its_subject_reason_beginning_number_and_next_try(failures, clock):
    began = clock()
    failures.failed("a@1", AWAY, clock())
    clock.advance(1)
    failures.failed("a@1", AWAY, clock())
    (failure,) = failures.all()
    assert (failure.task, failure.subject, failure.reason) == ("folding", "a@1", "the database does not answer")
    assert (failure.since, failure.last, failure.times) == (began, clock(), 2)
    assert (failure.retry - failure.last).total_seconds() == 2
    assert failures.succeeded("a@1", clock()) is not None
    assert failures.all() == () and failures.of("a@1") is None


def test_a_thousand_failures_are_eleven_lines_and_one_when_it_is_over(failures, clock, lines):
    for _ in range(1024):
        clock.advance(1)
        failures.failed("", AWAY, clock())
    assert len(lines) == 11
    failures.succeeded("", clock())
    assert len(lines) == 12
    assert lines[0] == ("folding: the database does not answer; trying again in 1 s", False)
    assert lines[-1] == ("folding: works again after 1024 failures and 1023 s: the database does not answer", False)


def test_many_subjects_that_fail_for_one_reason_are_counted_as_one(failures, clock, lines):
    for subject in range(1024):
        failures.failed(str(subject), AWAY, clock())
    assert len(lines) == 11
    for subject in range(1024):
        failures.succeeded(str(subject), clock())
    assert len(lines) == 12


def test_a_subject_whose_reasons_alternate_logs_each_reason_once(failures, clock, lines):
    for number in range(64):
        failures.failed("a", AWAY if number % 2 else UnavailableError("the disk is full"), clock())
    assert len(lines) == 2 * 6
    failures.succeeded("a", clock())
    assert len(lines) == 2 * 6 + 1


def test_reasons_that_differ_each_time_become_no_storm(failures, clock, lines):
    for number in range(1024):
        failures.failed("a", UnavailableError(f"try {number}"), clock())
    assert len(lines) < 20


def test_an_unexpected_error_has_one_traceback_for_the_place_that_raised_it(failures, clock, lines):
    for subject in range(512):
        failures.failed(str(subject), raised(KeyError(subject)), clock())
    assert sum(traceback for _, traceback in lines) == 1
    assert not any(traceback for text, traceback in lines if "does not answer" in text)


def test_a_reason_is_one_line_of_bounded_length():
    assert describe(ValueError("a\n  b")) == "ValueError: a b"
    assert describe(UnavailableError("gone")) == "gone"
    assert len(describe(ValueError("x" * 100_000))) == 500
