"""Where the sources of `put file` go: decided from the words alone, before anything is read.

Without a path each source goes to its own base name (its full path with `--full-path`); one source with a path goes
exactly there; a path that ends in a slash, several sources, or a folder put with `--full-path` make the path a folder.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import urlsplit

from hathi.cli.errors import CliError

STDIN = "-"

_SCHEME = re.compile("[A-Za-z][A-Za-z0-9+.-]*")


@dataclass(frozen=True, slots=True)
class Placed:
    """A source (a local path, a URL, or `-`) and the path in the repo where it goes."""

    source: str
    path: str

    @property
    def is_url(self) -> bool:
        """Whether the server fetches it."""
        return is_url(self.source)


def is_url(text: str) -> bool:
    """Return whether a source is a URL with a scheme, rather than a local path."""
    scheme, separator, _ = text.partition("://")
    return bool(separator) and _SCHEME.fullmatch(scheme) is not None


def place(sources: Sequence[str], path: str, *, recursive: bool, full_path: bool) -> list[Placed]:
    """Return where each source goes, or raise CliError."""
    into = len(sources) > 1 or (path.endswith("/") and not recursive) or (recursive and full_path)
    placed = []
    for source in sources:
        if source == STDIN and (not path or into):
            raise CliError("must specify filename when reading data from stdin")
        name = _name(source, full_path=full_path)
        if not path:
            placed.append(Placed(source, posixpath.join("/", name)))
        elif into:
            placed.append(Placed(source, posixpath.join("/", path.strip("/"), name)))
        else:
            placed.append(Placed(source, path))
    return placed


def _name(source: str, *, full_path: bool) -> str:
    """Return the path that a source has by itself, without a leading slash."""
    if is_url(source):
        try:
            parts = urlsplit(source)
        except ValueError as error:
            raise CliError(f"{source} is no URL: {error}") from error
        if parts.scheme == "pfs":
            return "/".join(parts.path.strip("/").split("/")[2:])
        return parts.path.lstrip("/")
    path = posixpath.normpath(source)
    if full_path:
        return path.lstrip("/")
    name = posixpath.basename(path)
    return "" if name in (".", "..") else name
