from __future__ import annotations

import struct

import pytest

from hathi.datum import frames
from hathi.datum.frames import Command, Hello, Kind, Look, Outcome


def text(value: bytes) -> bytes:
    return struct.pack("<I", len(value)) + value + b"\0"


def test_a_run_is_encoded_field_by_field() -> None:
    command = Command(["a", "b"], {"X": "1"}, "/c", "u", b"in", 1.5, "7", continues=True)
    payload = struct.pack("<IQ", 1, 1500) + text(b"7") + text(b"/c") + text(b"u") + text(b"in")
    payload += struct.pack("<I", 2) + text(b"a") + text(b"b") + struct.pack("<I", 1) + text(b"X=1")
    assert frames.run_frame(command) == struct.pack("<IB", len(payload), ord("R")) + payload


def test_a_limit_is_never_rounded_to_none() -> None:
    assert struct.unpack_from("<IBIQ", frames.run_frame(Command(["a"], timeout=0.0001)))[3] == 1


def test_a_text_with_a_nul_is_refused() -> None:
    with pytest.raises(ValueError, match="NUL"):
        frames.run_frame(Command(["a\0b"]))


def test_names_that_are_not_unicode_pass_both_ways() -> None:
    (name,) = frames.names_in(b"\xff\xfe\0")
    assert frames.look_frame(name).endswith(b"\xff\xfe\0")


def test_answers_are_decoded() -> None:
    hello = struct.pack("<IIIII", 1, 3, 5, 6, 3) + b"abc\0"
    assert frames.hello_of(hello) == Hello(1, True, True, 5, 6, "abc")
    ended = struct.pack("<iIIQQQQ", -1, 9, 1, 4096, 1_000_000, 500_000, 2_000_000) + text(b"")
    assert frames.outcome_of(ended) == Outcome(-1, 9, True, False, "", 4096, 1.0, 0.5, 2.0)
    unstarted = struct.pack("<iIIQQQQ", 127, 0, 4, 0, 0, 0, 0) + text(b"no such command")
    assert frames.outcome_of(unstarted).error == "no such command"
    assert frames.look_of(struct.pack("<IQQQQ", 1, 2, 3, 4, 5) + text(b"")) == Look(Kind.FILE, 2, 3, 4, 5)
