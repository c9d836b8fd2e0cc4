"""Streams of records are read back in order, by key, by time and from the end; follow growth; survive a torn tail."""

import os
import subprocess
import sys
import threading
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hathi.storage.segments import LogUnavailable, Record, SegmentLog
from hathi.storage.segments import segment as segment_module


@pytest.fixture
def log(tmp_path):
    return SegmentLog(tmp_path / "logs", segment_bytes=200)


def plain(*data):
    return [Record(0, each) for each in data]


def records(log, stream, start=0, **wanted):
    return [found.data for found in log.read(stream, start, **wanted)]


def segments(tmp_path):
    return sorted(path for path in (tmp_path / "logs").rglob("@*") if path.suffix != ".index")


def test_records_come_back_in_order(log):
    log.append("default/edges", plain(b"one", b"", b"two\n"))
    log.append("default/edges", plain(b"three"))
    assert records(log, "default/edges") == [b"one", b"", b"two\n", b"three"]
    assert records(log, "default/blur") == []


def test_reading_on_from_a_position_follows_the_stream(log):
    position = log.append("s", plain(b"one"))
    assert list(log.read("s", position)) == []
    after = log.append("s", plain(b"two", b"three"))
    two, three = log.read("s", position)
    assert (two.data, three.data, three.position) == (b"two", b"three", after) and log.end("s") == after
    assert records(log, "s", two.position) == [b"three"]


RECORDS = st.builds(
    Record,
    st.integers(0, 5),
    st.binary(max_size=120),
    st.lists(st.sampled_from("abc"), unique=True, max_size=2).map(tuple),
)


@given(st.lists(st.tuples(st.lists(RECORDS, max_size=6), st.booleans()), max_size=12), st.data())
def test_every_question_gives_what_a_scan_would(tmp_path_factory, batches, data):
    """Whatever is in closed segments, in the open one, after a clean end or after a crash."""
    root = tmp_path_factory.mktemp("logs")
    log = SegmentLog(root, segment_bytes=300)
    for batch, restarted in batches:
        log.append("s", batch)
        if restarted:
            if data.draw(st.booleans()):
                log.close()
            log = SegmentLog(root, segment_bytes=300)
    every = [record for batch, _ in batches for record in batch]
    found = list(log.read("s"))
    assert [(one.time, one.data) for one in found] == [(record.time, record.data) for record in every]
    key, since = data.draw(st.sampled_from(["", "a", "b", "z"])), data.draw(st.integers(0, 6))
    start = data.draw(st.sampled_from([0, *(one.position for one in found)]))
    wanted = [
        one
        for one, record in zip(found, every, strict=True)
        if one.position > start and (not key or key in record.keys) and record.time >= since
    ]
    assert list(log.read("s", start, key=key, since=since)) == wanted
    if not start:
        assert list(log.read_back("s", key=key, since=since)) == wanted[::-1]


def test_a_full_segment_is_closed_and_the_next_one_begun(log, tmp_path):
    for _ in range(10):
        log.append("s", plain(b"x" * 100))
    assert len(segments(tmp_path)) == 6  # the last one waits for its first record
    assert len(records(log, "s")) == 10


def test_a_closed_segment_never_changes(log, tmp_path):
    for number in range(10):
        log.append("s", [Record(number, b"x" * 100, ("k",))])
    closed = segments(tmp_path)[:-1]
    before = {path: path.read_bytes() for path in (*closed, *(path.with_name(path.name + ".index") for path in closed))}
    for _ in range(10):
        log.append("s", plain(b"y" * 100))
    log.close()
    assert len(records(SegmentLog(tmp_path / "logs"), "s", key="k")) == 10
    assert {path: path.read_bytes() for path in before} == before


def test_a_reopened_log_goes_on_where_it_ended(log, tmp_path):
    log.append("s", plain(b"one"))
    log.close()
    again = SegmentLog(tmp_path / "logs", segment_bytes=200)
    again.append("s", plain(b"two"))
    assert records(again, "s") == [b"one", b"two"]


@given(lost=st.integers(0, 20), garbage=st.binary(max_size=30), closed=st.booleans())
def test_a_torn_tail_is_cut_off_and_nothing_else_is_lost(tmp_path_factory, lost, garbage, closed):
    root = tmp_path_factory.mktemp("logs")
    log = SegmentLog(root)
    log.append("s", [Record(0, each, ("k",)) for each in (b"one", b"two")])
    if closed:
        log.close()
    log.append("s", [Record(0, b"torn", ("k",))])
    (path,) = (path for path in root.rglob("@*") if path.suffix != ".index")
    path.write_bytes(path.read_bytes()[: -1 - lost] + garbage)
    again = SegmentLog(root)
    assert records(again, "s", key="k") == [b"one", b"two"]
    again.append("s", [Record(0, b"three", ("k",))])
    again.close()
    assert records(SegmentLog(root), "s", key="k") == [b"one", b"two", b"three"]


@pytest.mark.parametrize("harm", ["missing", "empty", "garbage", "half"])
def test_an_index_that_is_lost_or_damaged_is_made_again(log, tmp_path, harm):
    for number in range(10):
        log.append("s", [Record(number, b"x" * 100, (str(number),))])
    log.close()
    for path in (tmp_path / "logs").rglob("*.index"):
        data = path.read_bytes()
        path.unlink()
        if harm != "missing":
            path.write_bytes({"empty": b"", "garbage": b"?" * len(data), "half": data[: len(data) // 2]}[harm])
    again = SegmentLog(tmp_path / "logs", segment_bytes=200)
    assert [len(records(again, "s", key=str(number))) for number in range(10)] == [1] * 10


def test_an_index_left_by_a_deleted_stream_says_nothing_of_the_next_one(log, tmp_path):
    log.append("s", [Record(0, b"old", ("k",))])
    log.close()
    (index,) = (tmp_path / "logs").rglob("*.index")
    kept = index.read_bytes()
    log.delete("s")
    index.parent.mkdir()
    index.write_bytes(kept)
    log.append("s", [Record(0, b"n", ("n",)), Record(0, b"new", ("k",))])
    again = SegmentLog(tmp_path / "logs")  # as after a crash
    assert (records(again, "s", key="n"), records(again, "s", key="k")) == ([b"n"], [b"new"])


def test_a_record_half_written_is_not_read_yet(log, tmp_path):
    log.append("s", plain(b"one"))
    (path,) = segments(tmp_path)
    with path.open("ab") as file:
        file.write(b"\x05\x00\x00\x00\x00")
    assert records(log, "s") == [b"one"]


def test_asking_for_one_key_reads_its_records_and_little_more(tmp_path, monkeypatch):
    """Asking for one job's lines decoded all lines of the pipeline."""
    log = SegmentLog(tmp_path / "logs", segment_bytes=100_000)
    for number in range(100):
        log.append("s", [Record(number, b"x" * 100, ("all", f"k{number}")) for _ in range(100)])
    assert len(segments(tmp_path)) > 10
    read = []
    pread = os.pread

    def counted(file, length, offset):
        data = pread(file, length, offset)
        read.append(len(data))
        return data

    monkeypatch.setattr(os, "pread", counted)
    assert len(records(log, "s", key="k50")) == 100
    assert sum(read) < 100 * 200 + len(segments(tmp_path)) * 10_000
    read.clear()
    assert [found.time for found, _ in zip(log.read_back("s"), range(5), strict=False)] == [99] * 5
    assert sum(read) < 100_000, "the end is read from the end"
    read.clear()
    assert len(records(log, "s", since=95)) == 500
    assert sum(read) < 200_000, "what is older is passed over"


def opened(folder):
    """How many files below a folder this process has open."""
    targets = []
    for entry in os.scandir("/proc/self/fd"):
        with suppress(FileNotFoundError):
            targets.append(str(Path(entry.path).readlink()))
    return sum(target.startswith(str(folder)) for target in targets)


def test_few_files_are_open_however_many_segments_and_streams_there_are(log, tmp_path):
    """One file a worker life was opened at once: EMFILE at 1,100."""
    for number in range(300):
        log.append(f"p/{number % 100}", plain(b"x" * 150))
    assert opened(tmp_path) <= 64
    for number in range(100):
        reader = log.read(f"p/{number}")
        next(reader)
        assert opened(tmp_path) <= 64 + 1
        reader.close()


def test_the_oldest_segments_go_by_age_and_by_size(log):
    for number in range(10):
        log.append("s", [Record(number, b"x" * 200)])
    position = log.end("s")
    assert log.prune("s", before=0, keep_bytes=1 << 20) == 0
    assert log.prune("s", before=3, keep_bytes=1 << 20) > 600
    assert [found.time for found in log.read("s")] == [3, 4, 5, 6, 7, 8, 9]
    log.prune("s", before=0, keep_bytes=800)
    assert [found.time for found in log.read("s")] == [7, 8, 9]
    log.prune("s", before=100, keep_bytes=1 << 20)
    assert records(log, "s") == []
    assert log.end("s") == position, "followers go on where they were"
    log.append("s", plain(b"more"))
    assert records(log, "s", position) == [b"more"]


def test_an_open_segment_whose_records_are_all_too_old_goes_too(log, tmp_path):
    log.append("s", [Record(1, b"old")])
    assert log.prune("s", before=2, keep_bytes=1 << 20) > 0
    assert [path.stat().st_size for path in segments(tmp_path)] == [0]


def test_what_is_pruned_while_it_is_read_is_passed_over(log):
    for number in range(10):
        log.append("s", [Record(number, b"x" * 200)])
    reader = log.read("s")
    assert next(reader).time == 0
    log.prune("s", before=8, keep_bytes=1 << 20)
    assert [found.time for found in reader] == [8, 9]


def test_followers_are_told_which_stream_grew(tmp_path):
    told = []
    log = SegmentLog(tmp_path, appended=lambda stream: told.append((stream, records(log, stream))))
    log.append("a/b", plain(b"one"))
    assert told == [("a/b", [b"one"])]


def test_streams_are_found_by_what_they_lie_below(log):
    for stream in ("default/edges/w0", "default/edges/w1", "default/edges", "default/edges2/w0", "other/x/w0"):
        log.append(stream, plain(b"x"))
    assert list(log.streams("default/edges")) == ["default/edges", "default/edges/w0", "default/edges/w1"]
    assert len(list(log.streams())) == 5
    assert list(log.streams("nobody")) == []


@pytest.mark.parametrize("name", ["..", ".", "a b", "Ä%2F", "@5", "CON", "a" * 80])
def test_a_part_may_hold_any_character(log, name, tmp_path):
    log.append(f"default/{name}", plain(b"x"))
    assert list(log.streams()) == [f"default/{name}"]
    assert all(path.is_relative_to(tmp_path / "logs" / "default") for path in segments(tmp_path))


def test_a_deleted_stream_is_empty_and_may_begin_again(log):
    log.append("default/edges", plain(b"old"))
    log.append("default/edges2", plain(b"kept"))
    log.delete("default/edges")
    assert records(log, "default/edges") == []
    log.append("default/edges", plain(b"new"))
    assert records(log, "default/edges") == [b"new"]
    assert records(log, "default/edges2") == [b"kept"]


def test_many_streams_need_few_open_files(log):
    for turn in range(2):
        for number in range(200):
            log.append(f"s/{number}", plain(b"%d" % turn))
    assert "64 streams open" in repr(log)
    assert all(records(log, f"s/{number}") == [b"0", b"1"] for number in range(200))


def test_writers_do_not_interleave_within_a_batch(log):
    def work(name):
        for _ in range(20):
            log.append("s", plain(name, name))

    threads = [threading.Thread(target=work, args=(b"%d" % number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    found = records(log, "s")
    assert len(found) == 160
    assert found[::2] == found[1::2]


def test_a_failed_write_leaves_nothing_that_would_be_read(log, monkeypatch):
    log.append("s", plain(b"one"))
    tail = log._open["s"]
    whole = tail._file

    class Full:
        def write(self, data):
            whole.write(data[:5])
            raise OSError(28, "No space left on device")

        truncate, fileno, close = whole.truncate, whole.fileno, whole.close

    monkeypatch.setattr(tail, "_file", Full())
    with pytest.raises(LogUnavailable, match="No space left"):
        log.append("s", plain(b"two"))
    monkeypatch.setattr(tail, "_file", whole)
    log.append("s", plain(b"three"))
    assert records(log, "s") == [b"one", b"three"]


def test_what_the_disk_says_is_told_with_the_stream(tmp_path):
    (tmp_path / "logs").write_bytes(b"")
    with pytest.raises(LogUnavailable, match="log a/b cannot be used: Not a directory"):
        SegmentLog(tmp_path / "logs").append("a/b", plain(b"x"))


def test_a_piece_without_whole_records_gives_none(tmp_path):
    assert segment_module.bases(tmp_path / "nowhere") == []


WRITER = """
import sys
from pathlib import Path
from hathi.storage.segments import Record, SegmentLog

log = SegmentLog(Path(sys.argv[1]), segment_bytes=20_000)
for number in range(1_000_000):
    log.append("s", [Record(number, b"x" * 100, ("all", str(number % 10)))])
    print(number, flush=True)
"""


def test_what_was_appended_before_a_kill_is_read_and_found_afterwards(tmp_path):
    writer = subprocess.Popen([sys.executable, "-c", WRITER, str(tmp_path)], stdout=subprocess.PIPE, text=True)
    with writer:
        for line in writer.stdout:
            if int(line) == 700:
                writer.kill()
        written = int(line)
    log = SegmentLog(tmp_path, segment_bytes=20_000)
    times = [found.time for found in log.read("s")]
    assert times == list(range(len(times))) and len(times) > written >= 700
    for key in range(10):
        assert [found.time for found in log.read("s", key=str(key))] == times[key::10]
    position = log.end("s")
    log.append("s", plain(b"more"))
    assert records(log, "s", position) == [b"more"]
