"""Values are read by the rules of protobuf's JSON form, into one spelling."""

from typing import Any

import pytest

from hathi.model.spec import kinds
from hathi.model.spec.kinds import BOOL, DURATION, FLOAT, INT32, INT64, STRING, TIMESTAMP, UINT64, Enum, Kind, Problem

EFFECT = Enum({"ALL_EFFECTS": 0, "NO_SCHEDULE": 1})


def read(kind: Kind, value: Any) -> tuple[Any, list[str]]:
    problems: list[Problem] = []
    result = kind.read(value, ("at",), problems.append)
    return result, [problem.message for problem in problems]


@pytest.mark.parametrize(
    ("kind", "value", "canonical"),
    [
        (STRING, "x", "x"),
        (BOOL, True, True),
        (INT64, 3, 3),
        (INT64, "3", 3),
        (INT64, 3.0, 3),
        (INT64, "-9223372036854775808", -(2**63)),
        (INT64, 2**63 - 1, 2**63 - 1),
        (UINT64, "18446744073709551615", 2**64 - 1),
        (FLOAT, 1, 1.0),
        (FLOAT, "0.5", 0.5),
        (DURATION, "600s", "600s"),
        (DURATION, "1.500s", "1.5s"),
        (DURATION, "007.0s", "7s"),
        (TIMESTAMP, "2026-01-31T12:00:00.5Z", "2026-01-31T12:00:00.5Z"),
        (TIMESTAMP, "2026-01-31T12:00:00+02:00", "2026-01-31T12:00:00+02:00"),
        (EFFECT, "NO_SCHEDULE", "NO_SCHEDULE"),
        (EFFECT, 0, "ALL_EFFECTS"),
    ],
)
def test_every_accepted_spelling_becomes_the_canonical_one(kind: Kind, value: Any, canonical: Any) -> None:
    result, problems = read(kind, value)
    assert (result, problems) == (canonical, [])
    assert type(result) is type(canonical)


@pytest.mark.parametrize(
    ("kind", "value", "message"),
    [
        (STRING, 3, "expected a string, got 3"),
        (STRING, ["x"], "expected a string, got a list"),
        (BOOL, "yes", 'expected true or false, got "yes"'),
        (BOOL, 1, "expected true or false, got 1"),
        (INT64, "x", 'expected a whole number, got "x"'),
        (INT64, 1.5, "expected a whole number, got 1.5"),
        (INT64, True, "expected a whole number, got true"),
        (INT64, "01", 'expected a whole number, got "01"'),
        (INT64, float("inf"), "expected a whole number, got inf"),
        (INT32, 2**31, "expected a whole number from -2147483648 to 2147483647, got 2147483648"),
        (UINT64, -1, "expected a whole number from 0 to 18446744073709551615, got -1"),
        (FLOAT, "1,5", 'expected a number, got "1,5"'),
        (DURATION, "-1s", 'expected a duration in seconds such as "600s", got "-1s"'),
        (DURATION, "1h30m", 'expected a duration in seconds such as "600s", got "1h30m"; did you mean "5400s"?'),
        (DURATION, 600, 'expected a duration in seconds such as "600s", got 600; did you mean "600s"?'),
        (TIMESTAMP, "yesterday", 'expected a time such as "2026-01-31T12:00:00Z", got "yesterday"'),
        (
            TIMESTAMP,
            "2026-02-31T12:00:00Z",
            'expected a time such as "2026-01-31T12:00:00Z", got "2026-02-31T12:00:00Z"',
        ),
        (EFFECT, "no", 'expected one of ALL_EFFECTS, NO_SCHEDULE, got "no"'),
        (EFFECT, False, "expected one of ALL_EFFECTS, NO_SCHEDULE, got false"),
    ],
)
def test_everything_else_is_refused_with_what_was_expected(kind: Kind, value: Any, message: str) -> None:
    assert read(kind, value) == (None, [message])


def test_names_change_case_both_ways() -> None:
    assert kinds.camel("resource_requests") == "resourceRequests"
    assert kinds.camel("s3_out") == "s3Out"
    assert kinds.camel("URL") == "URL"
    assert kinds.snake("resourceRequests") == "resource_requests"
