"""`.pachignore`: which files of a source folder are not uploaded.

One glob a line, in the grammar of repo globs but without a path separator: `*` crosses folders too. There are no
comments and no negation, and an empty line excludes nothing. A glob is matched against the path of a file relative to
the source folder, so `*.pyc` excludes such files wherever they stand, and `data/*` everything below `data`.
"""

from __future__ import annotations

from collections.abc import Callable

from hathi.images.errors import SourceError
from hathi.model.globs import Glob, GlobError, compile_glob
from hathi.model.quoting import excerpt

NAME = ".pachignore"

_NO_SEPARATOR = "\0"
"""What slashes are replaced with, in globs and paths alike: a character like any other, and in no file's name."""


def read_ignore(text: str) -> Callable[[str], bool]:
    """Return a function that tells whether a relative path is excluded. SourceError tells the line of a broken glob."""
    globs = [_compiled(line, number) for number, line in enumerate(text.splitlines(), 1) if line]

    def excluded(path: str) -> bool:
        flat = "/" + path.replace("/", _NO_SEPARATOR)
        return any(glob.match(flat) for glob in globs)

    return excluded


def _compiled(line: str, number: int) -> Glob:
    try:
        return compile_glob("/" + line.replace("/", _NO_SEPARATOR))
    except GlobError as error:
        raise SourceError(f'{NAME}:{number}:{error.place}: invalid glob "{excerpt(line)}": {error.problem}') from error
