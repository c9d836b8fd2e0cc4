"""Logs on disk: streams of records that are only ever appended to, and found by key, by time and from the end.

record    how a record is framed
index     where the records of a segment are, by key and by time
segment   one file of a stream, with its index beside it
log       streams: append, read, prune, delete
"""

from hathi.storage.segments.log import LogUnavailable, SegmentLog
from hathi.storage.segments.record import Record

__all__ = ["LogUnavailable", "Record", "SegmentLog"]
