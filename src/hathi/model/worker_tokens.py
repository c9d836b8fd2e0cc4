"""Tokens for workers: each says for which pipeline, or which version of it, its bearer works.

A token is signed with a key that only the server has, so nothing need be remembered of it, and workers keep theirs when
the server is restarted.
"""

from __future__ import annotations

import hashlib
import hmac
from dataclasses import dataclass

from hathi.model.references import Pipeline

KEY_BYTES = 32

_PREFIX = "hathi-worker"


@dataclass(frozen=True, slots=True)
class Scope:
    """What a token is good for. group: `project/pipeline/v<version>`, or `project/pipeline` for any version of it."""

    group: str

    @property
    def pipeline(self) -> Pipeline:
        """The pipeline that the bearer works for."""
        project, name = self.group.split("/")[:2]
        return Pipeline(project, name)

    def covers(self, group: str) -> bool:
        """Return whether work of a group may be claimed."""
        return group == self.group or (self.group.count("/") == 1 and group.startswith(f"{self.group}/"))


class WorkerTokens:
    """Issues tokens and reads them, with one key."""

    def __init__(self, key: bytes) -> None:
        """key: KEY_BYTES random bytes."""
        self._key = key

    def __repr__(self) -> str:
        return "WorkerTokens()"

    def issue(self, group: str) -> str:
        """Return the token for a group: `project/pipeline/v<version>`, or `project/pipeline`."""
        return f"{_PREFIX}:{group}:{self._signature(group)}"

    def read(self, token: str) -> Scope | None:
        """Return what a token is good for; None when it is none of ours."""
        words = token.split(":")
        if len(words) != 3 or words[0] != _PREFIX or words[1].count("/") not in (1, 2):
            return None
        _, group, signature = words
        if not hmac.compare_digest(signature.encode(), self._signature(group).encode()):
            return None
        return Scope(group)

    def _signature(self, group: str) -> str:
        return hmac.new(self._key, group.encode(), hashlib.sha256).hexdigest()
