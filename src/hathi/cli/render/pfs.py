"""How commits and files are shown."""

from __future__ import annotations

from collections.abc import Iterable

from google.protobuf.timestamp_pb2 import Timestamp

from hathi.cli import references
from hathi.cli.render import sizes, tables, times
from hathi.wire.gen import hathi_pb2, pfs_pb2

COMMIT_HEADER = ("PROJECT", "REPO", "COMMIT", "FINISHED", "SIZE", "ORIGIN", "CREATOR", "DESCRIPTION")
COMMIT_WIDTHS = (8, 12, 32, 14, 8, 6, 7)
SET_HEADER = ("ID", "SUBCOMMITS", "PROGRESS", "CREATED", "MODIFIED")
FILE_HEADER = f"{'SIZE':<10}\tNAME"
BAR_CELLS = 8


def size_of(info: pfs_pb2.CommitInfo) -> str:
    """Return a commit's size; before it is known exactly, the bound below which it is."""
    if info.HasField("details"):
        return sizes.size(info.details.size_bytes)
    return f"≤ {sizes.size(info.size_bytes_upper_bound)}"


def commit_row(info: pfs_pb2.CommitInfo, *, full: bool) -> tuple[str, ...]:
    """Return a commit as a row of a table."""
    repo = references.repo_in(info.commit)
    return (
        repo.project.name,
        references.short(repo),
        info.commit.id,
        times.ago(info.finished, full=full) if info.HasField("finished") else "-",
        size_of(info),
        pfs_pb2.OriginKind.Name(info.origin.kind),
        info.created_by or "-",
        tables.clean(info.description),
    )


def commit_fields(info: pfs_pb2.CommitInfo, *, full: bool) -> list[tuple[str, str]]:
    """Return what `inspect commit` shows."""
    return [
        ("Commit", references.id_of(info.commit)),
        ("Description", info.description),
        ("Parent", info.parent_commit.id if info.HasField("parent_commit") else ""),
        ("Started", times.ago(info.started, full=full)),
        ("Finished", times.ago(info.finished, full=full) if info.HasField("finished") else ""),
        ("Size", size_of(info)),
        ("Error", info.error),
    ]


def failure(failed: hathi_pb2.Failure, *, full: bool) -> str:
    """Return what the server could not do, and since when."""
    since = Timestamp()
    since.FromNanoseconds(failed.since_ns)
    often = "once" if failed.times == 1 else f"{failed.times} times"
    return f"{tables.clean(failed.reason)} (tried {often} since {times.ago(since, full=full)}; it is tried again)"


def set_row(info: pfs_pb2.CommitSetInfo, *, full: bool, color: bool) -> tuple[str, ...]:
    """Return a commit set as a row of a table."""
    started = [each.started for each in info.commits if each.HasField("started")]
    ended = [each.finished for each in info.commits if each.HasField("finished")]
    failed = sum(1 for each in info.commits if each.error)
    created = min(started, key=times.seconds, default=None)
    modified = max([*started, *ended], key=times.seconds, default=None)
    return (
        info.commit_set.id,
        str(len(info.commits)),
        progress_bar(len(ended) - failed, failed, len(info.commits), color=color),
        times.ago(created, full=full) if created else "-",
        times.ago(modified, full=full) if modified else "-",
    )


def progress_bar(good: int, bad: int, total: int, *, color: bool) -> str:
    """Return a bar of eight cells; failures are red, or `x` where there are no colours."""
    if total <= 0:
        return "-" * BAR_CELLS
    done = BAR_CELLS * (good + bad) // total
    wrong = min(done, -(-BAR_CELLS * bad // total))
    red = f"\x1b[31m{'▇' * wrong}\x1b[0m" if color and wrong else "x" * wrong
    return "▇" * (done - wrong) + red + "-" * (BAR_CELLS - done)


def file_name(info: pfs_pb2.FileInfo) -> str:
    """Return a path; that of a directory ends in a slash."""
    path = info.file.path
    return path if info.file_type != pfs_pb2.DIR or path.endswith("/") else f"{path}/"


def file_lines(infos: Iterable[pfs_pb2.FileInfo]) -> Iterable[str]:
    """Return the lines of `list file`; they are streamed, so the columns are not fitted to what comes."""
    yield FILE_HEADER
    for info in infos:
        yield f"{sizes.size(info.size_bytes):<10}\t{file_name(info)}"
