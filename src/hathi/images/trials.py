"""Images that are built to be tried: another one after each save, and none of them stays.

A build leaves an image for each of its steps too, where the next build begins. The rule: what the last build consists
of stays until the end, what earlier ones made is removed as soon as nothing stands on it, and nothing is touched that
was there before or that somebody gave a name.
"""

from __future__ import annotations

import os
import re
import socket
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Protocol

from hathi.engine.values import Show, Step
from hathi.images.context import context_of
from hathi.model.ids import new_id
from hathi.model.images import ImageName

REGISTRY, PATH = "localhost", "pachctl-dev"
"""What the images are called, apart from a tag of their own: a name that no engine looks for elsewhere."""

LABEL = "hathi.tried-by"
"""The label of such images; its value is the pachctl that built it, as `HOST:PID`."""

ENDING_TRIES, ENDING_SECONDS = 100, 0.1
"""How often, and how many seconds apart, it is tried to remove what an interrupted build still uses."""

_STEP = re.compile(r"Step \d+/\d+ : (\w+)", re.ASCII)
_IMAGE = re.compile(r" ---> ([0-9a-f]{12,64})", re.ASCII)
_CACHED = " ---> Using cache"


class Engine(Protocol):
    """What is asked of an engine."""

    def build(self, context: Path, dockerfile: str, image: ImageName, show: Show, labels: Mapping[str, str]) -> None:
        """Build an image under a name. EngineGone, BuildFailed."""
        ...

    def untag(self, name: str) -> bool:
        """Take a name away, and with the only one the image; returns False when the image is in use."""
        ...

    def discard(self, image: str) -> bool:
        """Remove an image that has no name and that nothing stands on; returns False when something does."""
        ...

    def images_labelled(self, label: str) -> list[tuple[list[str], Mapping[str, str]]]:
        """Return names and labels of the images that have a label."""
        ...


class Reading:
    """What the engine's report of a build tells: the images it consists of, and those among them that it made."""

    def __init__(self) -> None:
        self.used: list[str] = []
        self.made: list[str] = []
        self._theirs = False

    def take(self, line: str) -> None:
        """Take a line of the report."""
        if step := _STEP.match(line):
            self._theirs = step[1].upper() == "FROM"  # what it stands on was there before
        elif line == _CACHED:
            self._theirs = True
        elif image := _IMAGE.fullmatch(line):
            self.used.append(image[1])
            if not self._theirs:
                self.made.append(image[1])


class Trials:
    """Builds images to try. One process, one of these."""

    def __init__(self, engine: Engine, pause: Callable[[float], object] = time.sleep) -> None:
        self._engine = engine
        self._pause = pause
        self._interrupted = False
        self._owner = f"{socket.gethostname()}:{os.getpid()}"
        self._names: list[str] = []
        self._made: list[str] = []
        self._last: list[str] = []

    def build(self, transform: Mapping[str, Any], folder: Path | None, show: Show) -> str:
        """Build the image of a spec as its files are now, and return its name. Arguments and errors as `publish`."""
        context, dockerfile = context_of(transform, folder)
        name = ImageName(REGISTRY, PATH, new_id())
        reading = Reading()

        def read(step: Step) -> None:
            if not step.layer:
                reading.take(step.text)
            show(step)

        self._names.append(str(name))
        try:
            self._engine.build(context, dockerfile, name, read, {LABEL: self._owner})
        except KeyboardInterrupt:
            self._interrupted = True
            raise
        finally:
            self._made += [image for image in reading.made if image not in self._made]
            self._last = reading.used
        return str(name)

    def tidy(self) -> None:
        """Remove what earlier builds made and the last one does not need."""
        self._remove(self._names[:-1], self._last)

    def close(self) -> None:
        """Remove everything that was made here."""
        self._remove(self._names, [])
        for _ in range(ENDING_TRIES if self._interrupted else 0):
            if not self._made:
                break
            self._pause(ENDING_SECONDS)  # the engine has not ended the step that it was at
            self._remove(self._names, [])

    def sweep(self) -> None:
        """Remove the images of those of us who were killed."""
        for names, labels in self._engine.images_labelled(LABEL):
            if _is_dead(labels[LABEL]):
                for name in names:
                    if name.startswith(f"{REGISTRY}/{PATH}:"):
                        self._engine.untag(name)

    def _remove(self, names: list[str], keep: list[str]) -> None:
        untagged = [name for name in names if self._engine.untag(name)]
        self._names = [name for name in self._names if name not in untagged]
        # What a build made last stands on what it made before.
        gone = [image for image in reversed(self._made) if image not in keep and self._engine.discard(image)]
        self._made = [image for image in self._made if image not in gone]


def _is_dead(owner: str) -> bool:
    """Return whether a pachctl of this machine is surely gone."""
    host, _, pid = owner.rpartition(":")
    if host != socket.gethostname() or not pid.isdecimal():
        return False
    try:
        os.kill(int(pid), 0)
    except ProcessLookupError:
        return True
    except OSError:
        pass
    return False
