"""A local socket at which the commands of a test knock, so that runs are counted outside Hathi.

Whoever knocks sends a line and reads one byte: by then the knock is noted, so that what a program does after it, and
all that a test sees of that, comes later. Of a connection that has ended its end is noted before any line that was
sent afterwards, whichever thread is told first: one thread alone listens, and before it notes a line it looks whether
connections have ended meanwhile.
"""

from __future__ import annotations

import selectors
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager


class Knocks:
    """What happened at the socket, in order: ("line", text) and ("end", text) when that connection closed."""

    def __init__(self) -> None:
        self.events: list[tuple[str, str]] = []
        self._changed = threading.Condition()
        self._socket = socket.create_server(("127.0.0.1", 0), backlog=512)
        self.port: int = self._socket.getsockname()[1]
        self._selector = selectors.DefaultSelector()
        self._selector.register(self._socket, selectors.EVENT_READ)
        self._wake, self._waker = socket.socketpair()
        self._selector.register(self._wake, selectors.EVENT_READ)
        self._said: dict[socket.socket, bytes] = {}
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def lines(self) -> list[str]:
        return [text for kind, text in self.events if kind == "line"]

    def wait(self, event: tuple[str, str], timeout: float = 60) -> None:
        self.wait_for(lambda: event in self.events, timeout)

    def wait_for(self, condition: Callable[[], bool], timeout: float = 60) -> None:
        """Wait until something is true of what happened."""
        with self._changed:
            assert self._changed.wait_for(condition, timeout), self.events

    def _note(self, kind: str, text: str) -> None:
        with self._changed:
            self.events.append((kind, text))
            self._changed.notify_all()

    def _run(self) -> None:
        while True:
            ready = {key.fileobj for key, _ in self._selector.select()}
            if self._wake in ready:
                return
            if self._socket in ready:
                connection, _ = self._socket.accept()
                self._said[connection] = b""
                self._selector.register(connection, selectors.EVENT_READ)
            for connection in [each for each in self._said if each in ready]:
                if connection in self._said:  # its end may have been noted with another's line
                    self._read(connection)

    def _read(self, connection: socket.socket) -> None:
        data = _received(connection)
        if not data:
            self._end(connection)
            return
        whole, self._said[connection] = b"\n" in self._said[connection], self._said[connection] + data
        if b"\n" in self._said[connection] and not whole:
            for other in [each for each in self._said if each is not connection and _has_ended(each)]:
                self._end(other)
            self._note("line", self._text(connection))
            try:
                connection.sendall(b"\n")
            except OSError:
                pass  # it went away meanwhile, which shows as its end

    def _end(self, connection: socket.socket) -> None:
        self._selector.unregister(connection)
        self._note("end", self._text(connection))
        del self._said[connection]
        connection.close()

    def _text(self, connection: socket.socket) -> str:
        return self._said[connection].decode().partition("\n")[0].strip()

    def close(self) -> None:
        self._waker.close()
        self._thread.join(60)
        for each in (self._wake, self._socket, *self._said):
            each.close()
        self._selector.close()


def _received(connection: socket.socket) -> bytes:
    try:
        return connection.recv(1 << 16)
    except OSError:
        return b""  # reset, as when its process was killed


def _has_ended(connection: socket.socket) -> bool:
    try:
        return connection.recv(1, socket.MSG_PEEK | socket.MSG_DONTWAIT) == b""
    except BlockingIOError:
        return False
    except OSError:
        return True


@contextmanager
def listening() -> Iterator[Knocks]:
    knocks = Knocks()
    try:
        yield knocks
    finally:
        knocks.close()
