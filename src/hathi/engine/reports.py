"""What an engine reports while it builds or pushes: each step shown, and why it failed told so that it helps.

The engine's own words name neither the base image that cannot be had nor what to do about a Dockerfile that only
BuildKit understands, which the API's classic builder is not.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

from hathi.engine.values import Show, Step

_BASE = re.compile(r"Step \d+/\d+ : (FROM .+)", re.ASCII)
_STEP = re.compile(r"Step \d+/\d+ : ", re.ASCII)

_NEEDS_BUILDKIT = re.compile(r"BuildKit|unknown flag|unknown instruction", re.IGNORECASE)
_HERE_DOCUMENT = re.compile(r"^[ \t]*(?:RUN|COPY|ADD)\b.*<<", re.MULTILINE | re.IGNORECASE)

_HINT = (
    "what needs BuildKit is built by hand: DOCKER_BUILDKIT=1 docker build -t IMAGE -f {dockerfile} {context}; "
    "name IMAGE in transform.image, and push it with --push-images instead of --build"
)


class Report:
    """Follows one report to its end. show: is given each step of it."""

    def __init__(self, show: Show) -> None:
        self._show = show
        self._base = ""
        self._open = ""

    def failure(self, answers: Iterable[Mapping[str, Any]]) -> str:
        """Show what the engine reports; return the error that it ends with, or ""."""
        for answer in answers:
            if "error" in answer:
                self._take("\n")
                return self._base + str(answer["error"]).strip()
            if "stream" in answer:
                self._take(str(answer["stream"]))
            elif status := answer.get("status"):
                detail = answer.get("progressDetail") or {}
                layer = str(answer.get("id", ""))
                self._show(Step(str(status), layer, int(detail.get("current") or 0), int(detail.get("total") or 0)))
        self._take("\n")
        return ""

    def _take(self, text: str) -> None:
        """Take a piece of what a build prints, which may end within a line. Empty lines are not shown."""
        *lines, self._open = (self._open + text).split("\n")
        for each in lines:
            for line in each.rstrip().splitlines():
                self._line(line)

    def _line(self, line: str) -> None:
        if _STEP.match(line):
            base = _BASE.match(line)
            self._base = f"{base[1]}: the image cannot be had: " if base else ""
        self._show(Step(line))


def hint(reason: str, text: str, dockerfile: str, context: str) -> str:
    """Return what to do about a build that failed, "" where that is plain. text: of the Dockerfile."""
    if not (sign := _NEEDS_BUILDKIT.search(reason)):
        return ""
    if sign[0].lower() == "unknown instruction" and not _HERE_DOCUMENT.search(text):
        return ""
    return _HINT.format(dockerfile=dockerfile, context=context)
