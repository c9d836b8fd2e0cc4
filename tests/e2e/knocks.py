"""A local socket at which the commands of a test knock, so that runs are counted outside Hathi."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager


class Knocks:
    """What happened at the socket, in order: ("line", text) and ("end", text) when that connection closed."""

    def __init__(self) -> None:
        self.events: list[tuple[str, str]] = []
        self._changed = threading.Condition()
        self._socket = socket.create_server(("127.0.0.1", 0), backlog=512)
        self.port: int = self._socket.getsockname()[1]

    def lines(self) -> list[str]:
        return [text for kind, text in self.events if kind == "line"]

    def wait(self, event: tuple[str, str], timeout: float = 60) -> None:
        with self._changed:
            assert self._changed.wait_for(lambda: event in self.events, timeout), (event, self.events)

    def _note(self, kind: str, text: str) -> None:
        with self._changed:
            self.events.append((kind, text))
            self._changed.notify_all()

    def _serve(self, connection: socket.socket) -> None:
        with connection, connection.makefile() as lines:
            text = lines.readline().strip()
            self._note("line", text)
            lines.read()
        self._note("end", text)

    def run(self) -> None:
        while True:
            try:
                connection, _ = self._socket.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def close(self) -> None:
        self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()


@contextmanager
def listening() -> Iterator[Knocks]:
    knocks = Knocks()
    thread = threading.Thread(target=knocks.run, daemon=True)
    thread.start()
    try:
        yield knocks
    finally:
        knocks.close()
