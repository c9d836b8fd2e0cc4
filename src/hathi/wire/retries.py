"""Which calls a client repeats by itself when the server, or what it depends on, does not answer for a moment.

Only calls that change nothing are repeated, a few times and within seconds; gRPC does it, and never after a first
response has arrived. All others fail with what the server said: only the caller knows whether to repeat them.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator

from google.protobuf.descriptor import FileDescriptor

READING = ("Inspect", "List", "Get", "Glob", "Walk", "Diff", "Find", "Who", "Read", "Catalogue")
"""How the names of methods begin that change nothing."""

NOT_REPEATED = ("GetVersion", "GetRobotToken", "GetOIDCLogin")
"""Of those, what asks whether anybody answers at all, and what makes something nevertheless."""

TRIES = 4
FIRST_SECONDS, LAST_SECONDS = 0.2, 2.0
"""Between two tries; gRPC draws each wait at random below a bound that grows from the first to the last."""


def reading_methods(files: Iterable[FileDescriptor]) -> Iterator[dict[str, str]]:
    """Yield each method of these files' services that changes nothing, as a service config names it."""
    for file in files:
        for service in file.services_by_name.values():
            for method in service.methods:
                reads = method.name.startswith(READING) and method.name not in NOT_REPEATED
                if reads and not method.client_streaming:
                    yield {"service": service.full_name, "method": method.name}


def service_config(files: Iterable[FileDescriptor]) -> str:
    """Return gRPC's service config for a client of these files' services."""
    policy = {
        "maxAttempts": TRIES,
        "initialBackoff": f"{FIRST_SECONDS}s",
        "maxBackoff": f"{LAST_SECONDS}s",
        "backoffMultiplier": 2,
        "retryableStatusCodes": ["UNAVAILABLE"],
    }
    return json.dumps({"methodConfig": [{"name": list(reading_methods(files)), "retryPolicy": policy}]})
