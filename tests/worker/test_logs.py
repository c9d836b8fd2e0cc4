from __future__ import annotations

import threading
from collections.abc import Sequence
from typing import Any

from hathi.wire.gen import hathi_pb2 as wire
from hathi.worker.logs import BATCH_BYTES, LINE_BYTES, Logs, Stream
from hathi.worker.remote import _line
from hathi.worker.server import LogLine

Rig = Any


def lines_of(*pieces: tuple[bytes, bool]) -> list[tuple[str, bool]]:
    taken: list[tuple[str, bool]] = []
    stream = Stream(lambda message, *, user, stderr: taken.append((message, stderr)))
    for piece, stderr in pieces:
        stream.write(piece, stderr)
    stream.end()
    return taken


def test_pieces_are_cut_into_lines_for_each_stream_alone() -> None:
    taken = lines_of((b"a\nb", False), (b"error\r\n", True), (b"c\n\nd", False))
    assert taken == [("a", False), ("error", True), ("bc", False), ("", False), ("d", False)]


def test_bytes_that_are_no_text_are_shown_as_far_as_they_are() -> None:
    assert lines_of((b"\xff!\n", False)) == [("\N{REPLACEMENT CHARACTER}!", False)]


def test_a_line_without_end_is_cut() -> None:
    assert [len(text) for text, _ in lines_of((b"x" * (2 * LINE_BYTES + 1), False))] == [LINE_BYTES, LINE_BYTES, 1]


def test_lines_arrive_in_order_and_flush_waits_for_them(rig: Rig) -> None:
    logs = Logs(rig.server, "default", "p", "j", 7)
    stream = logs.stream("d", 2)
    for number in range(1000):
        stream.write(f"{number}\n".encode(), False)
    logs.flush()
    assert rig.server.text() == [str(number) for number in range(1000)]
    line = rig.server.lines[0]
    assert (line.job, line.datum, line.attempt, line.user, line.datum_set) == ("j", "d", 2, True, 7)
    logs.drop()


def test_no_batch_of_lines_is_larger_than_a_message(rig: Rig) -> None:
    """Short lines came with all paths of their datum, and messages of 40 MB were dropped silently."""
    batches: list[int] = []

    def take(project: str, pipeline: str, lines: Sequence[LogLine]) -> None:
        request = wire.AppendLogsRequest(project=project, pipeline=pipeline)
        request.lines.extend(_line(line) for line in lines)
        batches.append(request.ByteSize())
        rig.server.lines += lines

    rig.server.append_logs = take
    logs = Logs(rig.server, "default", "p", "j")
    stream = logs.stream("d" * 64, 1)
    for number in range(20_000):
        stream.write(f"{number}\n".encode(), False)
    stream.write(b"\xff" * LINE_BYTES * 20, False)
    stream.end()
    logs.flush()
    logs.drop()
    assert len(rig.server.lines) == 20_020
    assert max(batches) <= BATCH_BYTES + 4 * LINE_BYTES


def test_a_server_that_comes_back_gets_every_line_once(rig: Rig, monkeypatch: Any) -> None:
    monkeypatch.setattr("hathi.worker.logs.RETRY_SECONDS", 0.0)
    rig.server.outage = 3
    logs = Logs(rig.server, "default", "p", "j")
    logs.stream("d", 1).write(b"one\ntwo\n", False)
    logs.flush()
    assert rig.server.text() == ["one", "two"]
    logs.drop()


def test_a_lost_claim_ends_the_wait(rig: Rig) -> None:
    asked, answer = threading.Event(), threading.Event()

    def hang(project: str, pipeline: str, lines: Sequence[LogLine]) -> None:
        asked.set()
        answer.wait(30)

    rig.server.append_logs = hang
    logs = Logs(rig.server, "default", "p", "j")
    logs.stream("d", 1).write(b"line\n", False)
    asked.wait(30)
    logs.drop()
    logs.flush()
    answer.set()


def test_no_exception_makes_a_datum_wait_for_its_log(rig: Rig, capsys: Any) -> None:
    def fails(*_: object) -> None:
        raise KeyError("x")

    rig.server.append_logs = fails
    logs = Logs(rig.server, "default", "p", "j", 7)
    logs.stream("d", 1).write(b"hello\n", False)
    logs.flush()
    logs.drop()
    assert "1 lines of the log were refused: KeyError: 'x'" in capsys.readouterr().err
