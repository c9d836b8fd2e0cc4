"""The feed between processes that share a PostgreSQL database: LISTEN and NOTIFY.

A writer announces its topics inside the transaction, so that PostgreSQL sends them exactly when it commits. A process
hears its own announcements too and ignores them: its feed has told them already.
"""

from __future__ import annotations

import json
import os
import select
from collections.abc import Sequence
from contextlib import suppress
from typing import Any

from sqlalchemy import Connection, Engine, text
from sqlalchemy.exc import SQLAlchemyError

from hathi.metadata.errors import translate
from hathi.metadata.feed import Feed
from hathi.model.errors import UnavailableError
from hathi.model.ids import new_id
from hathi.supervision import Supervisor

CHANNEL = "hathi"

_LONGEST = 7000
"""Bytes of topics in one notification; PostgreSQL takes up to 8000."""

_WAIT_SECONDS = 60.0
"""How long one wait for notifications lasts, at most; they and the end of the server come at once."""


class Notifier:
    """Passes on what other processes announce, from a background task of its own.

    What is announced while the server is away is missed. So each time the listener has a new connection, every
    subscriber is told that anything may have changed: once, and not while there is nothing to be read.
    """

    def __init__(self, engine: Engine, feed: Feed, supervisor: Supervisor) -> None:
        self._engine = engine
        self._feed = feed
        self._me = new_id()
        self._connection: Connection | None = None
        self._woken, self._waker = os.pipe()
        self._stopped = False
        self._task = supervisor.every("events of other processes", 0.0, self._listen, at_once=True, prompt=True)

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
        """Begin to listen; what others announce after this returns is heard. Raises UnavailableError."""
        try:
            self._connect()
        except SQLAlchemyError as error:
            raise translate(error) from error
        self._task.start()

    def stop(self) -> None:
        """End listening."""
        if self._stopped:
            return
        self._stopped = True
        os.close(self._waker)  # ends the wait, and every further one
        if self._task.stop():
            self._disconnect()
            os.close(self._woken)

    def _send(self, connection: Connection, topics: list[str]) -> None:
        payload = json.dumps([self._me, *topics], separators=(",", ":"))
        connection.execute(text("SELECT pg_notify(:channel, :payload)"), {"channel": CHANNEL, "payload": payload})

    def _connect(self) -> None:
        connection = self._engine.connect().execution_options(isolation_level="AUTOCOMMIT")
        connection.detach()  # it is held for good, and must not count among those that transactions share
        self._connection = connection
        connection.exec_driver_sql(f"LISTEN {CHANNEL}")
        self._feed.publish_all()

    def _disconnect(self) -> None:
        if self._connection is not None:
            with suppress(Exception):  # it is broken perhaps
                self._connection.close()
            self._connection = None

    def _listen(self) -> bool:
        """Wait for what arrives and pass it on; returns True, to be called again at once."""
        try:
            if self._connection is None:
                self._connect()
                return True  # it works again: that is to be known before anything arrives
            driver: Any = self._connection.connection.dbapi_connection
            poll = select.poll()
            for descriptor in (driver.fileno(), self._woken):
                poll.register(descriptor, select.POLLIN)
            if driver.fileno() not in dict(poll.poll(_WAIT_SECONDS * 1000)):
                return True
            for notice in driver.notifies(timeout=0):
                sender, *topics = json.loads(notice.payload)
                if sender != self._me:
                    self._feed.publish(*topics)
        except Exception as error:
            self._disconnect()
            if isinstance(error, SQLAlchemyError):
                raise translate(error) from error
            if isinstance(error, (OSError, self._engine.dialect.loaded_dbapi.Error)):
                raise UnavailableError(f"the database does not answer: {str(error).splitlines()[0]}") from error
            raise
        return True
