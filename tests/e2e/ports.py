"""Ports that are nobody else's, also while nobody listens at them.

A port that was free a moment ago may be given to another program before ours listens at it, or between the end of a
server and its next start. So a socket is bound to it here and never listens: the kernel then gives the port to nobody
who asks for any, and still lets a server listen that allows addresses to be reused, as servers do.
"""

from __future__ import annotations

import socket
import weakref


class Port:
    """A port of 127.0.0.1 that is kept while this lives."""

    def __init__(self) -> None:
        held = socket.socket()
        held.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        held.bind(("127.0.0.1", 0))
        self.number: int = held.getsockname()[1]
        weakref.finalize(self, held.close)
