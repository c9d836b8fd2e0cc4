"""Files as a tar stream, made while it is sent: memory holds one piece of one file at a time.

Names are the files' absolute paths, as the original's are; its clients strip the slash. Directories are implied by
the files below them. The POSIX (pax) form has no limit on sizes or names.
"""

from __future__ import annotations

import tarfile
from collections.abc import Iterable, Iterator

from hathi.model.infos import FileInfo

_BLOCK = tarfile.BLOCKSIZE


def tar(files: Iterable[tuple[FileInfo, Iterable[bytes]]]) -> Iterator[bytes]:
    """Yield a tar archive of files, each with its bytes, in pieces of any size."""
    for info, parts in files:
        member = tarfile.TarInfo(info.path)
        member.size = info.size
        member.mode = 0o644
        member.mtime = int(info.committed.timestamp()) if info.committed else 0
        yield member.tobuf(tarfile.PAX_FORMAT, "utf-8", "surrogateescape")
        yield from parts
        yield bytes(-info.size % _BLOCK)
    yield bytes(2 * _BLOCK)
