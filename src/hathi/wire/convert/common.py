"""Times and durations: protobuf's types on the wire, plain Python in the model."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import overload

from google.protobuf.duration_pb2 import Duration
from google.protobuf.message import Message
from google.protobuf.timestamp_pb2 import Timestamp


@overload
def time_message(time: datetime) -> Timestamp: ...


@overload
def time_message(time: datetime | None) -> Timestamp | None: ...


def time_message(time: datetime | None) -> Timestamp | None:
    """Return a timestamp, or None (an absent field) when the time is not known."""
    if time is None:
        return None
    message = Timestamp()
    message.FromDatetime(time)
    return message


def to_time(message: Timestamp) -> datetime:
    """Return the time, in UTC."""
    return message.ToDatetime(tzinfo=UTC)


def duration_message(seconds: float) -> Duration:
    """Return a duration of so many seconds."""
    message = Duration()
    message.FromTimedelta(timedelta(seconds=seconds))
    return message


def to_seconds(message: Duration) -> float:
    """Return a duration's length in seconds."""
    return message.seconds + message.nanos / 1e9


def optional_time(owner: Message, name: str) -> datetime | None:
    """Return the time in the field `name`, or None when the field is absent."""
    return to_time(getattr(owner, name)) if owner.HasField(name) else None
