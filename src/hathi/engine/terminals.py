"""Something run at a terminal in a container, for a person."""

from __future__ import annotations

import contextlib
import socket
from collections.abc import Iterator, Sequence
from typing import Any

from hathi.engine.connection import Connection


class Terminals(Connection):
    """What an engine does with terminals."""

    @contextlib.contextmanager
    def terminal(self, id: str, argv: Sequence[str], **how: Any) -> Iterator[tuple[str, socket.socket]]:
        """Run something at a terminal in a container; gives its id for `resize` and `ended`, and its two-way stream."""
        with self.asking():
            client = self.client(None)
            made = client.exec_create(id, list(argv), stdin=True, tty=True, **how)["Id"]
            stream = client.exec_start(made, tty=True, socket=True)
        inner: socket.socket = getattr(stream, "_sock", stream)
        inner.setblocking(True)
        try:
            yield made, inner
        finally:
            stream.close()

    def resize(self, terminal: str, rows: int, columns: int) -> None:
        """Tell the size of a terminal; it may have ended."""
        with self.asking(), contextlib.suppress(Exception):
            self.client().exec_resize(terminal, height=rows, width=columns)

    def ended(self, terminal: str) -> int:
        """Return the exit status of what ran at a terminal."""
        with self.asking():
            return int(self.client().exec_inspect(terminal)["ExitCode"] or 0)
