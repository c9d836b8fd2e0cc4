"""Progress on standard error while bytes move: a bar on a terminal, one line at the end elsewhere.

Rich is loaded only when there is a bar.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from types import TracebackType
from typing import TYPE_CHECKING, Protocol, TypeVar

import click

from hathi.cli.render import sizes

if TYPE_CHECKING:
    from rich.progress import Progress as Bar
    from rich.progress import TaskID

    from hathi.cli.reading import LocalFile


class HasBytes(Protocol):
    """A piece of a file."""

    @property
    def data(self) -> bytes:
        """Its bytes."""

    @property
    def first(self) -> bool:
        """Whether it opens a file."""


P = TypeVar("P", bound=HasBytes)


class Progress:
    """Counts files and bytes. Where it is not shown, it costs nothing and prints nothing."""

    def __init__(self, shown: bool, *, color: bool = True) -> None:
        self._bar: Bar | None = None
        self._task: TaskID | None = None
        self._files = 0
        self._bytes = 0
        self._shown = shown
        if shown and sys.stderr.isatty():
            self._bar, self._task = _bar(color)

    def __enter__(self) -> Progress:
        if self._bar:
            self._bar.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._bar:
            self._bar.stop()
        elif self._shown and error is None:
            click.echo(f"{self._count()}, {sizes.size(self._bytes)}", err=True)

    def expect(self, files: Iterable[LocalFile]) -> Iterable[LocalFile]:
        """Return the files; when shown, list them all first, so that the end is known."""
        if self._bar is None or self._task is None:
            return files
        listed = list(files)
        self._bar.update(self._task, total=sum(file.size for file in listed))
        return listed

    def watch(self, pieces: Iterable[P]) -> Iterable[P]:
        """Return the pieces, counting them as they pass."""
        return self._counted(pieces) if self._shown else pieces

    def add(self, count: int, *, opens: bool = False) -> None:
        """Count bytes, and a file when they open one."""
        self._files += opens
        self._bytes += count
        if self._bar is not None and self._task is not None:
            self._bar.update(self._task, advance=count, description=self._count())

    def _count(self) -> str:
        return "1 file" if self._files == 1 else f"{self._files} files"

    def _counted(self, pieces: Iterable[P]) -> Iterator[P]:
        for piece in pieces:
            yield piece
            self.add(len(piece.data), opens=piece.first)


def _bar(color: bool) -> tuple[Bar, TaskID]:
    from rich.console import Console
    from rich.progress import BarColumn, DownloadColumn, TextColumn, TimeRemainingColumn, TransferSpeedColumn
    from rich.progress import Progress as Bar

    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        DownloadColumn(binary_units=True),
        TransferSpeedColumn(),
        TimeRemainingColumn(),
    )
    bar = Bar(*columns, console=Console(stderr=True, no_color=not color), transient=True, refresh_per_second=5)
    return bar, bar.add_task("0 files", total=None)
