"""One table of errors serves both ends."""

from __future__ import annotations

import grpc
import pytest

from hathi.model.errors import HathiError, Status, UnavailableError
from hathi.wire.errors import SITUATIONS, from_status, to_code


def test_every_status_has_a_code_and_a_situation() -> None:
    assert set(SITUATIONS) == set(Status)
    assert {grpc.StatusCode[status.value] for status in Status}


@pytest.mark.parametrize("kind", SITUATIONS.values())
def test_an_error_arrives_as_the_situation_it_was_with_its_text(kind: type[HathiError]) -> None:
    arrived = from_status(to_code(kind("repo default/a not found")), "repo default/a not found")
    assert (type(arrived), arrived.message) == (kind, "repo default/a not found")


def test_statuses_that_only_others_send_become_the_nearest_situation() -> None:
    for code in (grpc.StatusCode.DEADLINE_EXCEEDED, grpc.StatusCode.CANCELLED):
        assert isinstance(from_status(code, ""), UnavailableError)


def test_an_error_without_text_says_at_least_its_status() -> None:
    assert from_status(grpc.StatusCode.NOT_FOUND, "").message == "not found"
