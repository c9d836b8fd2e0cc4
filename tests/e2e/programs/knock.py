"""Connects to PORT, sends a line, waits until it is heard, and ends; `--stay` leaves a daemon that holds a second
connection open, and has sent its own line before.

Usage: python knock.py PORT TEXT [--stay]
"""

import os
import socket
import sys

port, text = int(sys.argv[1]), sys.argv[2]


def knock(line: str) -> socket.socket:
    connection = socket.create_connection(("127.0.0.1", port))
    connection.sendall(f"{line}\n".encode())
    connection.recv(1)
    return connection


reading, writing = os.pipe()
if "--stay" in sys.argv and os.fork() == 0:
    os.setsid()
    if os.fork() == 0:
        held = knock(f"daemon of {text}")
        os.close(writing)
        for number in range(3):
            os.close(number)
        held.recv(1)  # for ever: the test says no more
    os._exit(0)
os.close(writing)
os.read(reading, 1)  # ends when nobody has the other end any more
knock(text).close()
