"""Supervised background work: threads that no exception ends, with back-off, and one record of what fails.

A process has one `Supervisor`. It makes background tasks of three kinds:

- `queue`: work on keys that are asked for; a failing key is tried again later and later, the others go on.
- `every`: a call at a regular interval, such as a heartbeat or garbage collection.
- `follow`: handle what a subscription brings; what could not be handled is handled again.

Threads that need a loop of their own note their failures in a `record`.

Each failure is recorded with its subject, reason, start, and number, and can be read with `Supervisor.status`. The log
has a line when something begins to fail, one each time the number of failures has doubled, and one when it works again.

    supervisor = Supervisor()
    collector = supervisor.every("garbage collection", 60.0, collect)
    collector.start()
    ...
    collector.stop()
"""

from hathi.supervision.backoff import Backoff
from hathi.supervision.failures import Failure, describe
from hathi.supervision.loops import Follower, Ticker
from hathi.supervision.record import Record
from hathi.supervision.status import TaskStatus
from hathi.supervision.supervisor import Supervisor
from hathi.supervision.task import STOP_SECONDS
from hathi.supervision.task_queue import TaskQueue

__all__ = [
    "STOP_SECONDS",
    "Backoff",
    "Failure",
    "Follower",
    "Record",
    "Supervisor",
    "TaskQueue",
    "TaskStatus",
    "Ticker",
    "describe",
]
