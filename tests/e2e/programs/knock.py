"""Connects to HOST:PORT, sends a line, and ends; `--stay` leaves a daemon that holds a second connection open.

Usage: python knock.py PORT TEXT [--stay]
"""

import os
import socket
import sys

port, text = int(sys.argv[1]), sys.argv[2]


def knock(line: str) -> socket.socket:
    connection = socket.create_connection(("127.0.0.1", port))
    connection.sendall(f"{line}\n".encode())
    return connection


if "--stay" in sys.argv and os.fork() == 0:
    os.setsid()
    if os.fork() == 0:
        held = knock(f"daemon of {text}")
        for number in range(3):
            os.close(number)
        held.recv(1)  # for ever: the test never answers
    os._exit(0)
knock(text).close()
