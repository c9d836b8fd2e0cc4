"""Lines come back by time, filtered, live and later."""

from __future__ import annotations

import os
import threading
from datetime import UTC, datetime, timedelta

import pytest

from hathi.metadata.feed import Feed
from hathi.model.pps import LogMessage
from hathi.model.references import Pipeline
from hathi.pipelines import logs as logs_module
from hathi.pipelines.logs import SORTED_LINES, LogFilter, Logs
from hathi.pipelines.waiting import WaitEnded
from hathi.storage.segments import SegmentLog

COPY = Pipeline("default", "copy")
START = datetime(2024, 1, 1, tzinfo=UTC)


def line(second, message, **fields):
    return LogMessage(START + timedelta(seconds=second), message, "default", "copy", user=True, **fields)


@pytest.fixture
def logs(tmp_path):
    segments = SegmentLog(tmp_path)
    yield Logs(segments, Feed())
    segments.close()


def messages(logs, **wanted):
    return [found.message for found in logs.get(LogFilter(COPY, **wanted))]


def test_lines_of_all_workers_come_by_time(logs):
    logs.append(COPY, [line(1, "a"), line(4, "d")])
    logs.append(COPY, [line(2, "b"), line(3, "c")])
    assert messages(logs) == ["a", "b", "c", "d"]


def test_a_line_comes_back_as_it_went_in(logs):
    sent = line(1, "ü", job="j", datum="d", worker="one", attempt=2, stderr=True, datum_set=3)
    logs.append(COPY, [sent])
    assert list(logs.get(LogFilter(COPY))) == [sent]


def test_every_filter_must_fit(logs):
    logs.append(COPY, [line(1, "a", job="1", datum="x"), line(2, "b", job="1", datum="y")])
    logs.append(COPY, [line(3, "c", job="3", datum="x")])
    assert messages(logs, job="1", datum="x") == ["a"]
    assert messages(logs, datum="x") == ["a", "c"]
    assert messages(logs, among=lambda line: line.datum == "y") == ["b"]
    assert messages(logs, since=START + timedelta(seconds=2)) == ["b", "c"]
    assert messages(logs, job="2") == []


def test_a_tail_is_the_last_of_the_lines_that_fit(logs):
    for worker in ("one", "two"):
        logs.append(COPY, [line(n, f"{worker}{n}", job=worker, worker=worker) for n in range(3)])
    assert messages(logs, tail=2) == ["two1", "two2"]
    assert messages(logs, tail=1, job="one") == ["one2"]
    assert messages(logs, tail=1, among=lambda found: found.message < "one2") == ["one1"]
    assert messages(logs, tail=99) == ["one0", "two0", "one1", "two1", "one2", "two2"]


def test_controllers_have_lines_of_their_own(logs):
    logs.append(COPY, [line(1, "a")])
    logs.append_master(COPY, START, "m")
    assert messages(logs) == ["a"] and messages(logs, master=True) == ["m"]


def test_lines_that_arrive_out_of_order_come_by_time_as_far_as_few_are_held(logs):
    logs.append(COPY, [line(n ^ 1, str(n ^ 1)) for n in range(3 * SORTED_LINES)])
    assert messages(logs) == [str(n) for n in range(3 * SORTED_LINES)]


def test_a_pipeline_whose_name_begins_like_another_has_its_own_lines(logs):
    logs.append(Pipeline("default", "copy2"), [line(1, "a")])
    assert messages(logs) == []


def test_deleted_lines_are_gone(logs):
    logs.append(COPY, [line(1, "a")])
    logs.delete(COPY)
    assert messages(logs) == []


def test_followers_see_old_lines_once_and_new_ones_as_they_come(logs):
    logs.append(COPY, [line(1, "a"), line(2, "b")])
    following = logs.follow(LogFilter(COPY, tail=1))
    assert next(following).message == "b"
    logs.append(COPY, [line(0, "c")])
    assert next(following).message == "c"


def test_followers_of_one_datum_see_its_lines_once_whatever_else_comes(logs):
    following = logs.follow(LogFilter(COPY, datum="x"))
    seen = []
    for n in range(50):
        logs.append(COPY, [line(n, f"y{n}", datum="y"), line(n, f"x{n}", datum="x"), line(n, f"z{n}", datum="z")])
        seen.append(next(following).message)
    assert seen == [f"x{n}" for n in range(50)]


def test_old_lines_are_pruned_and_followers_go_on(tmp_path):
    segments = SegmentLog(tmp_path, segment_bytes=500)
    logs = Logs(segments, Feed())
    for n in range(20):
        logs.append(COPY, [line(n, f"{n:0100}")])
    following = logs.follow(LogFilter(COPY))
    for _ in range(20):
        next(following)
    assert logs.prune(START + timedelta(seconds=18), 1 << 20) > 1_000
    assert len(messages(logs)) < 5
    logs.append(COPY, [line(21, "new")])
    assert next(following).message == "new"
    assert logs.prune(START, 0) > 0
    segments.close()


def test_one_datums_log_costs_the_same_however_long_the_log_is(tmp_path, monkeypatch):
    """Every line of the pipeline was read and decoded."""
    segments = SegmentLog(tmp_path, segment_bytes=1 << 20)
    logs = Logs(segments, Feed())
    decoded = []
    decode = logs_module._decode

    def counted(*args):
        decoded.append(1)
        return decode(*args)

    monkeypatch.setattr(logs_module, "_decode", counted)
    costs = []
    for job in range(10):
        for datum in range(300):
            name = f"{job}-{datum}"
            logs.append(COPY, [line(datum, f"{name} says {n}", job=f"j{job}", datum=name) for n in range(10)])
        decoded.clear()
        assert len(messages(logs, datum="0-7")) == 10
        assert len(messages(logs, job="j0", datum="0-8")) == 10
        assert len(messages(logs, tail=5)) == 5
        assert len(messages(logs, job="j0")) == 3_000
        costs.append(len(decoded))
    assert costs == [3_000 + 20 + 10] * 10
    segments.close()


def test_a_log_needs_one_open_file_to_be_read_however_many_workers_wrote_it(logs, tmp_path):
    """Each life of a worker was a file that was opened to read the log: 1,100 of them were too many."""
    for life in range(1_500):
        logs.append(COPY, [line(life, f"{life}", worker=f"w{life}", job="j")])
    reader = logs.get(LogFilter(COPY))
    next(reader)
    files = [os.path.realpath(entry.path) for entry in os.scandir("/proc/self/fd")]
    assert sum(file.startswith(str(tmp_path)) for file in files) == 2, "and one for writing"
    assert len(list(reader)) == 1_499


def test_following_ends_when_the_client_leaves(logs):
    left, asked, leave, ended = threading.Event(), threading.Event(), [], []

    def on_leave(wake):
        leave.append(wake)
        asked.set()

    def follow():
        try:
            list(logs.follow(LogFilter(COPY), left.is_set, on_leave))
        except WaitEnded:
            ended.append(True)

    follower = threading.Thread(target=follow)
    follower.start()
    assert asked.wait(30)
    left.set()
    leave[0]()
    follower.join(30)
    assert ended


def test_lines_that_came_after_their_pipeline_went_do_not_stay(world):
    world.put("data", {"/a": "1"})
    world.pipeline("copy")
    gone = Pipeline("default", "gone")
    for pipeline in (COPY, gone):
        world.logs.append(pipeline, [LogMessage(START, "late", "default", pipeline.name)])
    world.logs.append_own(START, "own")
    world.logs.delete_unknown(world.db)
    kept = [[line.message for line in world.logs.get(LogFilter(pipeline))] for pipeline in (COPY, gone, None)]
    assert kept == [["late"], [], ["own"]]
