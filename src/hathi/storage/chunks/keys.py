"""Keys of the objects that a process writes: unique for ever, spread over sub-folders, and telling who wrote them.

A folder with hundreds of thousands of entries is slow on many file systems, and a new folder for each pack would cost a
sync of its parent. So packs go to one of 256 sub-folders, another one after every thousand.
"""

from __future__ import annotations

import secrets
from itertools import count
from zlib import crc32

from hathi.model.packs import INDEXES, PACKS

_NEIGHBOURS = 1000  # packs that a process writes to one sub-folder before it takes another


class Keys:
    """Thread-safe; one for each chunk store of a process."""

    def __init__(self) -> None:
        self._own = secrets.token_hex(4)  # several chunk stores may write for one holder
        self._numbers = count()

    def pack(self, holder: str) -> str:
        """Return the key of the next pack."""
        number = next(self._numbers)
        folder = crc32(f"{holder}-{number // _NEIGHBOURS}".encode()) & 0xFF
        return f"{PACKS}{folder:02x}/{holder}-{self._own}-{number}"

    def index(self, holder: str) -> str:
        """Return the key of the next pack index."""
        return f"{INDEXES}{holder}-{self._own}-{next(self._numbers)}"
