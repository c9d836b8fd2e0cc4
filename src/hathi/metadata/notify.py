"""The feed between processes that share a PostgreSQL database: LISTEN and NOTIFY.

A writer announces its topics inside the transaction, so that PostgreSQL sends them exactly when it commits. A process
hears its own announcements too and ignores them: its feed has told them already.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Sequence

from sqlalchemy import Connection, Engine, text
from sqlalchemy.exc import SQLAlchemyError

from hathi.metadata.feed import Feed
from hathi.model.ids import new_id

CHANNEL = "hathi"

_LONGEST = 7000
"""Bytes of topics in one notification; PostgreSQL takes up to 8000."""

_CHECK_SECONDS = 1.0
"""How often the listener looks whether it is to stop; topics themselves arrive at once."""


class Notifier:
    """Passes on what other processes announce, from a thread of its own."""

    def __init__(self, engine: Engine, feed: Feed) -> None:
        self._engine = engine
        self._feed = feed
        self._me = new_id()
        self._stop = threading.Event()
        self._begun = threading.Event()
        self._thread: threading.Thread | None = None

    def announce(self, connection: Connection, topics: Sequence[str]) -> None:
        """Tell other processes of `topics` when the transaction of `connection` commits."""
        batch: list[str] = []
        for topic in topics:
            if sum(map(len, batch)) + len(topic) > _LONGEST:
                self._send(connection, batch)
                batch = []
            batch.append(topic)
        self._send(connection, batch)

    def start(self) -> None:
        """Begin to listen; returns when what others announce is heard, or the server went away already."""
        self._thread = threading.Thread(target=self._listen, name="feed", daemon=True)
        self._thread.start()
        self._begun.wait()

    def stop(self) -> None:
        """End listening."""
        self._stop.set()
        if self._thread:
            self._thread.join()

    def _send(self, connection: Connection, topics: list[str]) -> None:
        payload = json.dumps([self._me, *topics], separators=(",", ":"))
        connection.execute(text("SELECT pg_notify(:channel, :payload)"), {"channel": CHANNEL, "payload": payload})

    def _listen(self) -> None:
        while not self._stop.is_set():
            try:
                self._listen_once()
            except (SQLAlchemyError, OSError):
                # The server went away. Topics may be missed meanwhile: whoever waits is told to look again.
                self._feed.publish_all()
            finally:
                self._begun.set()
            self._stop.wait(_CHECK_SECONDS)

    def _listen_once(self) -> None:
        with self._engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            connection.exec_driver_sql(f"LISTEN {CHANNEL}")
            self._feed.publish_all()
            self._begun.set()
            driver = connection.connection.driver_connection
            assert driver is not None
            while not self._stop.is_set():
                for notice in driver.notifies(timeout=_CHECK_SECONDS):
                    sender, *topics = json.loads(notice.payload)
                    if sender != self._me:
                        self._feed.publish(*topics)
