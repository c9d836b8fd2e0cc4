"""Paths inside a repo.

Everyone writes paths differently (`a/b`, `/a/b/`, `./a/b`); a repo knows each file by one clean, absolute path.
Reading is forgiving: `clean` accepts whatever names a place. Writing is strict: `validate` refuses what could not be
named again later, such as characters that globs give a meaning to. The texts are the original's, each with the path in
front: among ten thousand files it is what the user needs.
"""

from __future__ import annotations

import re

from hathi.model.errors import InvalidError
from hathi.model.quoting import excerpt

ROOT = "/"

MAX_NAME = 255
"""Bytes of a name between slashes; file systems hold no longer one."""

MAX_PATH = 3_900
"""Bytes of a path: systems take 4,096, in which a worker's own folder and the input's name must have room."""

_SHOWN = 400
"""Characters of a path that a message shows: among ten thousand files, its end may be what tells it apart."""

_PRINTABLE = re.compile(r"[ -~]+")
_GLOBBING = re.compile(r"[*?\[\]{}!()@+^]")


def clean(path: str) -> str:
    """Return the absolute form of `path`: one leading slash, no trailing one, no empty, `.` or `..` segment.

    `..` goes up lexically and stops at the root; "" is the root.
    """
    segments: list[str] = []
    for segment in path.split("/"):
        if segment == "..":
            del segments[-1:]
        elif segment not in ("", "."):
            segments.append(segment)
    return ROOT + "/".join(segments)


def validate(path: str) -> str:
    """Return the clean form of a path that is to be written, or raise InvalidError saying why it cannot be."""
    if not _PRINTABLE.fullmatch(path):
        raise InvalidError(f"path ({excerpt(path, _SHOWN)}) invalid: only printable ASCII characters allowed")
    if found := _GLOBBING.search(path):
        raise InvalidError(
            f"path ({excerpt(path, _SHOWN)}) invalid: globbing character ({found[0]}) not allowed in path"
        )
    segments = path.split("/")
    if "." in segments or ".." in segments:
        raise InvalidError(f"path ({excerpt(path, _SHOWN)}) invalid: relative file paths are not allowed")
    cleaned = clean(path)
    if len(cleaned) > MAX_PATH:
        reason = f"it has {len(cleaned):,} bytes, and at most {MAX_PATH:,} fit"
        raise InvalidError(f"path ({excerpt(path, _SHOWN)}) invalid: {reason}")
    if len(cleaned) > MAX_NAME and (longest := max(map(len, segments))) > MAX_NAME:
        reason = f"a name in it has {longest:,} bytes, and file systems hold at most {MAX_NAME}"
        raise InvalidError(f"path ({excerpt(path, _SHOWN)}) invalid: {reason}")
    return cleaned


def names_directory(path: str) -> bool:
    """Return whether a path, as given, can only mean a directory: it ends with a slash, or is empty."""
    return path == "" or path.endswith("/")


def ancestors(path: str) -> list[str]:
    """Return the directories that hold the clean `path`, the root first and its parent last; none for the root."""
    if path == ROOT:
        return []
    return [ROOT, *(path[:end] for end in _slashes(path))]


def parent(path: str) -> str:
    """Return the directory that holds the clean `path`; the root is its own parent."""
    return path[: path.rindex("/")] or ROOT


def base(path: str) -> str:
    """Return the last segment of the clean `path`, "" for the root."""
    return path[path.rindex("/") + 1 :]


def join(directory: str, name: str) -> str:
    """Return the clean path of `name` (clean or relative) below the clean `directory`."""
    return clean(f"{directory}/{name}")


def below(directory: str) -> str:
    """Return what the clean path of everything below the clean `directory` starts with."""
    return directory if directory == ROOT else directory + "/"


def contains(directory: str, path: str) -> bool:
    """Return whether the clean `path` is the clean `directory` or lies below it."""
    return path == directory or path.startswith(below(directory))


def _slashes(path: str) -> list[int]:
    return [index for index, character in enumerate(path) if character == "/" and index > 0]
