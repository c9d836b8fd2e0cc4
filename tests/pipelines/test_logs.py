"""Lines come back by time, filtered, live and later."""

from __future__ import annotations

import threading
from datetime import UTC, datetime, timedelta

import pytest

from hathi.metadata.feed import Feed
from hathi.model.pps import LogMessage
from hathi.model.references import Pipeline
from hathi.pipelines.logs import LogFilter, Logs
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
    logs.append(COPY, "one", [line(1, "a"), line(4, "d")])
    logs.append(COPY, "two", [line(2, "b"), line(3, "c")])
    assert messages(logs) == ["a", "b", "c", "d"]


def test_a_line_comes_back_as_it_went_in(logs):
    sent = line(1, "ü", job="j", datum="d", worker="one", attempt=2, stderr=True, inputs=("/a", "ff"))
    logs.append(COPY, "one", [sent])
    assert list(logs.get(LogFilter(COPY))) == [sent]


def test_every_filter_must_fit(logs):
    logs.append(COPY, "one", [line(1, "a", job="1", datum="x", inputs=("/a", "/b")), line(2, "b", job="1", datum="y")])
    assert messages(logs, job="1", datum="x") == ["a"]
    assert messages(logs, inputs=("/a",)) == ["a"]
    assert messages(logs, inputs=("/a", "/c")) == []
    assert messages(logs, since=START + timedelta(seconds=2)) == ["b"]
    assert messages(logs, job="2") == []


def test_a_tail_is_of_each_worker(logs):
    for worker in ("one", "two"):
        logs.append(COPY, worker, [line(n, f"{worker}{n}") for n in range(3)])
    assert messages(logs, tail=1) == ["one2", "two2"]


def test_controllers_have_lines_of_their_own(logs):
    logs.append(COPY, "one", [line(1, "a")])
    logs.append_master(COPY, START, "m")
    assert messages(logs) == ["a"] and messages(logs, master=True) == ["m"]


def test_a_pipeline_whose_name_begins_like_another_has_its_own_lines(logs):
    logs.append(Pipeline("default", "copy2"), "one", [line(1, "a")])
    assert messages(logs) == []


def test_deleted_lines_are_gone(logs):
    logs.append(COPY, "one", [line(1, "a")])
    logs.delete(COPY)
    assert messages(logs) == []


def test_followers_see_old_lines_once_and_new_ones_as_they_come(logs):
    logs.append(COPY, "one", [line(1, "a"), line(2, "b")])
    following = logs.follow(LogFilter(COPY, tail=1))
    assert next(following).message == "b"
    logs.append(COPY, "two", [line(0, "c")])
    assert next(following).message == "c"


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
