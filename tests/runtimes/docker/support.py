"""An engine in memory: images by name, containers that start and end as told."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from itertools import count
from typing import Any

from hathi.engine.errors import EngineGone, EngineRefused
from hathi.engine.values import Exit, Image, Plan


@dataclass
class Container:
    """A container; `exit` says how it ended."""

    id: str
    plan: Plan
    started: bool = False
    exit: Exit | None = None


class FakePauses:
    """What an engine tells of pauses of containers with a label `name=value`."""

    def __init__(self, label: str, engine: FakeEngine) -> None:
        self._name, _, self._value = label.partition("=")
        self._engine = engine
        self._events: queue.SimpleQueue[tuple[str, bool] | None] = queue.SimpleQueue()

    def tell(self, id: str, paused: bool) -> None:
        if self._engine.containers[id].plan.labels.get(self._name) == self._value:
            self._events.put((id, paused))

    def __iter__(self) -> Iterator[tuple[str, bool]]:
        return iter(self._events.get, None)

    def close(self) -> None:
        self._events.put(None)


class FakeEngine:
    """What `Engine` does. `gone`: it does not answer. `refusal`: it starts nothing, with this reason."""

    def __init__(self) -> None:
        self.images: dict[str, Image] = {"image:1": Image("sha256:one")}
        self.containers: dict[str, Container] = {}
        self.removed: list[str] = []
        self.refusal = ""
        self.words = ""
        self.listeners: list[FakePauses] = []
        self.changed = threading.Condition()
        self._gone = False
        self._ids = count(1)

    @property
    def gone(self) -> bool:
        return self._gone

    @gone.setter
    def gone(self, value: bool) -> None:
        with self.changed:
            self._gone = value
            self.changed.notify_all()

    def _asked(self) -> None:
        if self._gone:
            raise EngineGone("the engine does not answer")

    def ping(self) -> None:
        self._asked()

    def id(self) -> str:
        self._asked()
        return "this engine"

    def machine(self) -> str:
        self._asked()
        return "amd64"

    def image(self, name: str) -> Image | None:
        self._asked()
        return self.images.get(name) or next((image for image in self.images.values() if image.id == name), None)

    def pull(self, name: str, cancelled: Callable[[], bool]) -> None:
        self._asked()
        raise EngineRefused("no such image")

    def create(self, plan: Plan) -> str:
        self._asked()
        if self.image(plan.image.id) is None:
            raise EngineRefused(f"No such image: {plan.image.id}")
        with self.changed:
            made = Container(f"c{next(self._ids)}", plan)
            self.containers[made.id] = made
            self.changed.notify_all()
            return made.id

    def start(self, id: str) -> None:
        self._asked()
        if self.refusal:
            raise EngineRefused(self.refusal)
        with self.changed:
            self.containers[id].started = True
            self.changed.notify_all()

    def exited(self, id: str) -> Exit | None:
        self._asked()
        made = self.containers.get(id)
        return Exit(-1, error="it was removed") if made is None else made.exit

    def last_words(self, id: str) -> str:
        return self.words

    def wait(self, id: str) -> None:
        self._asked()
        with self.changed:
            self.changed.wait_for(
                lambda: self._gone or id not in self.containers or self.containers[id].exit is not None
            )
        self._asked()

    def pauses(self, label: str) -> FakePauses:
        self._asked()
        with self.changed:
            self.listeners.append(FakePauses(label, self))
            self.changed.notify_all()
            return self.listeners[-1]

    def pause(self, id: str, paused: bool = True) -> None:
        """Pause a container, or let it go on."""
        for each in self.listeners:
            each.tell(id, paused)

    def kill(self, id: str) -> None:
        self.end(id, Exit(137))

    def remove(self, id: str) -> None:
        self._asked()
        with self.changed:
            if self.containers.pop(id, None) is not None:
                self.removed.append(id)
            self.changed.notify_all()

    def labelled(self, label: str) -> list[tuple[str, Mapping[str, str]]]:
        self._asked()
        name, _, value = label.partition("=")
        found = list(self.containers.values())
        return [(each.id, each.plan.labels) for each in found if each.plan.labels.get(name) == value]

    def end(self, id: str, exit: Exit) -> None:
        """Let a container end."""
        with self.changed:
            if id in self.containers:
                self.containers[id].exit = exit
            self.changed.notify_all()

    def wait_for(self, condition: Callable[[], Any]) -> Any:
        """Wait until something is true of the containers."""
        with self.changed:
            assert self.changed.wait_for(condition, 60), self.containers
            return condition()

    def running(self) -> list[Container]:
        return [each for each in self.containers.values() if each.started and each.exit is None]
