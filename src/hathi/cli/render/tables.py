"""Tables and lists of fields: plain text in aligned columns, one space apart, as scripts expect them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import click

_BATCH = 1000


def width(cell: str) -> int:
    """Return how many columns of a terminal a cell takes; colours take none."""
    return len(click.unstyle(cell)) if "\x1b" in cell else len(cell)


def aligned(rows: Sequence[Sequence[str]], *, least: int = 0, padding: int = 1) -> list[str]:
    """Return the rows as lines. Each column is as wide as its widest cell, but at least `least`, plus `padding`."""
    count = max((len(row) for row in rows), default=0)
    widths = [
        max(least, padding + max((width(row[at]) for row in rows if at < len(row)), default=0)) for at in range(count)
    ]
    return ["".join(cell + " " * (widths[at] - width(cell)) for at, cell in enumerate(row)).rstrip(" ") for row in rows]


def clean(text: str) -> str:
    """Return a text that fits into one cell."""
    return " ".join(text.split())


def table(header: Sequence[str], rows: Iterable[Sequence[str]], *, least: int = 0, padding: int = 1) -> None:
    """Print a table."""
    lines = aligned([header, *rows], least=least, padding=padding)
    for start in range(0, len(lines), _BATCH):
        click.echo("\n".join(lines[start : start + _BATCH]))


class LiveTable:
    """A table whose rows are printed as they come; columns are as wide as what was seen so far."""

    def __init__(self, header: Sequence[str], widths: Sequence[int] = ()) -> None:
        self._widths = [max(len(name), *widths[at : at + 1], 0) for at, name in enumerate(header)]
        self.add(header)

    def add(self, row: Sequence[str]) -> None:
        """Print one row."""
        self._widths = [max(wide, width(cell)) for wide, cell in zip(self._widths, row, strict=True)]
        cells = (cell + " " * (wide - width(cell)) for wide, cell in zip(self._widths, row, strict=True))
        click.echo(" ".join(cells).rstrip(" "))


def fields(pairs: Iterable[tuple[str, str]]) -> None:
    """Print `Name: value` lines; an empty value leaves its line out, one that begins a line stands below its name."""
    for name, value in pairs:
        if value:
            click.echo(f"{name}:{value}" if value.startswith("\n") else f"{name}: {value}")
