"""Streams of records are read back in order, follow growth, and survive a torn tail."""

import threading

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hathi.storage.segments import LogUnavailable, SegmentLog


@pytest.fixture
def log(tmp_path):
    return SegmentLog(tmp_path / "logs", segment_bytes=200)


def records(log, stream, start=0):
    return [record for _, record in log.read(stream, start)]


def segments(tmp_path):
    return sorted((tmp_path / "logs").rglob("@*"))


def test_records_come_back_in_order(log):
    log.append("default/edges/w0", [b"one", b"", b"two\n"])
    log.append("default/edges/w0", [b"three"])
    assert records(log, "default/edges/w0") == [b"one", b"", b"two\n", b"three"]
    assert records(log, "default/edges/w1") == []


def test_reading_on_from_a_position_follows_the_stream(log):
    position = log.append("s", [b"one"])
    assert list(log.read("s", position)) == []
    after = log.append("s", [b"two", b"three"])
    (middle, two), (end, three) = log.read("s", position)
    assert (two, three, end) == (b"two", b"three", after)
    assert records(log, "s", middle) == [b"three"]


@given(st.lists(st.lists(st.binary(max_size=150), max_size=4), max_size=12))
def test_segments_are_invisible_to_readers(tmp_path_factory, batches):
    root = tmp_path_factory.mktemp("logs")
    log = SegmentLog(root, segment_bytes=200)
    for batch in batches:
        log.append("s", batch)
    every = [record for batch in batches for record in batch]
    found = list(log.read("s"))
    assert [record for _, record in found] == every
    for number, (position, _) in enumerate(found, 1):
        assert records(log, "s", position) == every[number:]


def test_a_full_segment_is_closed_and_the_next_one_begun(log, tmp_path):
    for _ in range(10):
        log.append("s", [b"x" * 100])
    assert len(segments(tmp_path)) == 6  # the last one waits for its first record
    assert len(records(log, "s")) == 10


def test_a_reopened_log_goes_on_where_it_ended(log, tmp_path):
    log.append("s", [b"one"])
    log.close()
    again = SegmentLog(tmp_path / "logs", segment_bytes=200)
    again.append("s", [b"two"])
    assert records(again, "s") == [b"one", b"two"]


@given(lost=st.integers(0, 11), garbage=st.binary(max_size=30))
def test_a_torn_tail_is_cut_off_and_nothing_else_is_lost(tmp_path_factory, lost, garbage):
    root = tmp_path_factory.mktemp("logs")
    log = SegmentLog(root)
    log.append("s", [b"one", b"two", b"torn"])
    (path,) = root.rglob("@*")
    path.write_bytes(path.read_bytes()[: -1 - lost] + garbage)
    again = SegmentLog(root)
    assert records(again, "s") == [b"one", b"two"]
    again.append("s", [b"three"])
    assert records(again, "s") == [b"one", b"two", b"three"]


def test_a_record_half_written_is_not_read_yet(log, tmp_path):
    log.append("s", [b"one"])
    (path,) = segments(tmp_path)
    with path.open("ab") as file:
        file.write(b"\x05\x00\x00\x00\x00")
    assert records(log, "s") == [b"one"]


def test_followers_are_told_which_stream_grew(tmp_path):
    told = []
    log = SegmentLog(tmp_path, appended=lambda stream: told.append((stream, records(log, stream))))
    log.append("a/b", [b"one"])
    assert told == [("a/b", [b"one"])]


def test_streams_are_found_by_what_they_lie_below(log):
    for stream in ("default/edges/w0", "default/edges/w1", "default/edges", "default/edges2/w0", "other/x/w0"):
        log.append(stream, [b"x"])
    assert list(log.streams("default/edges")) == ["default/edges", "default/edges/w0", "default/edges/w1"]
    assert len(list(log.streams())) == 5
    assert list(log.streams("nobody")) == []


@pytest.mark.parametrize("name", ["..", ".", "a b", "Ä%2F", "@5", "CON", "a" * 80])
def test_a_part_may_hold_any_character(log, name, tmp_path):
    log.append(f"default/{name}", [b"x"])
    assert list(log.streams()) == [f"default/{name}"]
    assert all(path.is_relative_to(tmp_path / "logs" / "default") for path in segments(tmp_path))


def test_a_deleted_stream_is_empty_and_may_begin_again(log):
    log.append("default/edges/w0", [b"old"])
    log.append("default/edges2/w0", [b"kept"])
    log.delete("default/edges")
    assert records(log, "default/edges/w0") == []
    log.append("default/edges/w0", [b"new"])
    assert records(log, "default/edges/w0") == [b"new"]
    assert records(log, "default/edges2/w0") == [b"kept"]


def test_many_streams_need_few_open_files(log):
    for turn in range(2):
        for number in range(200):
            log.append(f"s/{number}", [b"%d" % turn])
    assert "64 streams open" in repr(log)
    assert all(records(log, f"s/{number}") == [b"0", b"1"] for number in range(200))


def test_writers_do_not_interleave_within_a_batch(log):
    def work(name):
        for _ in range(20):
            log.append("s", [name, name])

    threads = [threading.Thread(target=work, args=(b"%d" % number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    found = records(log, "s")
    assert len(found) == 160
    assert found[::2] == found[1::2]


def test_what_the_disk_says_is_told_with_the_stream(tmp_path):
    (tmp_path / "logs").write_bytes(b"")
    with pytest.raises(LogUnavailable, match="log a/b cannot be used: Not a directory"):
        SegmentLog(tmp_path / "logs").append("a/b", [b"x"])
