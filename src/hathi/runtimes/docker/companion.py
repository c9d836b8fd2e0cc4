"""One worker's containers, one after the other, each with a box that the worker made.

The worker says that it listens, which asks for a container; when a container ends, the worker is told why, and asks for
the next. What the engine cannot do now is tried again until it can.
"""

from __future__ import annotations

import json
import logging
import queue
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from hathi.datum.container import LINK, SHIM_LABEL, TOKEN_VARIABLE, box_folder, shim_command
from hathi.datum.limits import MAX_PROCESSES, host_config
from hathi.datum.shim import binary
from hathi.engine.choosing import exact_name
from hathi.engine.docker import Engine
from hathi.engine.errors import EngineGone, EngineRefused
from hathi.engine.values import Exit, Image, Mount, Plan
from hathi.model.errors import HathiError
from hathi.runtimes.keeping.companion import Life
from hathi.supervision import describe

log = logging.getLogger("hathi.background")

FIRST_PAUSE, LAST_PAUSE = 0.2, 5.0
"""Seconds before the engine is asked again: doubling from the first to the last."""

CLOSE_SECONDS = 10.0
"""How long the end of a worker waits for a call to the engine that is going on."""

SAME_PATH = (
    "Both must see pachd's root folder at the same path: when pachd itself runs in a container, start that with "
    "docker run -v DIR:DIR -e HATHI_ROOT=DIR, with a folder of the engine's machine"
)

_SOURCE_MISSING = ("does not exist", "no such file")
"""How engines say that they do not find a folder that a container is to be shown. What else they say of one is about
the place in the image where it should appear, such as a file called /pfs."""


@dataclass(frozen=True, slots=True)
class _Asked:
    """The worker listens, in the box of a number, for a shim with a token."""

    serial: int
    token: str


@dataclass(frozen=True, slots=True)
class _Made:
    """A container that was started for what was asked."""

    id: str
    asked: _Asked


@dataclass(frozen=True, slots=True)
class _Ended:
    id: str
    exit: Exit


@dataclass(frozen=True, slots=True)
class _Paused:
    id: str
    paused: bool


class _Met:
    """The shim has reached the worker."""


class _Retry:
    """It is time to try again what failed."""


_Event = _Asked | _Ended | _Paused | _Met | _Retry | None
"""None: it is over."""


class Containers:
    """A `Companion`: keeps a container of `image` beside a worker."""

    def __init__(
        self,
        engine: Engine,
        image: Image,
        life: Life,
        labels: Mapping[str, str],
        prefix: str,
        bury: Callable[[str], None],
        processes: int = MAX_PROCESSES,
    ) -> None:
        """labels, prefix: of every container, and of its name. bury: removes a container, in the end. processes: how
        many it may have at a time.
        """
        self._engine = engine
        self._image = image
        self._life = life
        self._labels = {**labels, "hathi.group": life.group.key, "hathi.worker": life.name}
        self._prefix = prefix
        self._bury = bury
        self._host = host_config(life.group.resources, processes)
        self._shim = binary(image.machine)
        self._asked: _Asked | None = None
        self._made: _Made | None = None
        self._met = False
        self._pause = FIRST_PAUSE
        self._retry: float | None = None
        self._over = threading.Event()
        self._events: queue.SimpleQueue[_Event] = queue.SimpleQueue()
        name = exact_name(life.group.transform.get("image", ""), image)
        brings_shim = SHIM_LABEL in image.labels
        about = {"name": name, "env": dict(image.env), "user": image.user, "brings_shim": brings_shim}
        (life.scratch / "image.json").write_text(json.dumps(about))
        life.runs(name)
        self._thread = threading.Thread(target=self._run, name=f"{life.name} container", daemon=True)
        self._thread.start()

    def options(self) -> Sequence[str]:
        """Tell the worker which image its containers have, and which shim they need."""
        return ["--image", str(self._life.scratch / "image.json"), "--shim", str(self._shim)]

    def heard(self, line: str) -> None:
        """Take a line that the worker printed."""
        word, *rest = line.split()
        if word == "listening":
            self._events.put(_Asked(int(rest[0]), rest[1]))
        elif word == "ready":
            self._events.put(_Met())

    def paused(self, id: str, paused: bool) -> None:
        """Take that a container, perhaps not ours, is paused, or goes on."""
        self._events.put(_Paused(id, paused))

    def close(self) -> None:
        """Remove the container."""
        self._over.set()
        self._events.put(None)
        self._thread.join(CLOSE_SECONDS)
        if self._made is not None:
            self._bury(self._made.id)

    def _run(self) -> None:
        while True:
            try:
                event = self._events.get(timeout=self._seconds_to_retry())
            except queue.Empty:
                event = _Retry()
            if event is None:
                return
            try:
                self._take(event)
            except Exception as error:  # nobody foresaw it: begin again with everything made anew
                log.error("%s: %s", self._life.name, describe(error), exc_info=error)
                self._life.tell(ready=False, problem=describe(error))
                self._life.hang_up()

    def _seconds_to_retry(self) -> float | None:
        return None if self._retry is None else max(self._retry - time.monotonic(), 0.0)

    def _take(self, event: _Asked | _Ended | _Paused | _Met | _Retry) -> None:
        if isinstance(event, _Retry):
            self._retry = None
            self._make()
        elif isinstance(event, _Met):
            self._met, self._pause = True, FIRST_PAUSE
        elif isinstance(event, _Asked):
            self._asked, self._met = event, False
            if event.serial > 1:
                self._life.tell(ready=False)
                self._life.restarted()
            if self._made is None:
                self._make()
            else:
                self._end(self._made.id)
        elif self._made is None or event.id != self._made.id:
            pass  # of another one
        elif isinstance(event, _Ended):
            self._bury_ended(self._made, event.exit)
        elif self._met:
            name = self._name(self._made.asked)
            problem = f"the container {name} is paused; docker unpause {name} lets it go on" if event.paused else ""
            self._life.tell(ready=not event.paused, problem=problem)

    def _bury_ended(self, made: _Made, exit: Exit) -> None:
        """Tell why a container ended; make another when the worker waits for one."""
        reason = exit.reason
        if not self._met and self._asked == made.asked:
            reason = self._stillborn(made, reason)
        self._life.tell(ready=False, problem=reason)
        self._life.say(f"{made.asked.serial} {json.dumps({'reason': reason, 'blameless': not exit.memory})}")
        self._made = None
        self._bury(made.id)
        if self._asked != made.asked:
            self._make()
        elif not self._met:
            self._later()

    def _later(self) -> None:
        self._retry = time.monotonic() + self._pause
        self._pause = min(self._pause * 2, LAST_PAUSE)

    def _make(self) -> None:
        """Start a container, or say why that cannot be, and try again later."""
        if self._made is not None or self._asked is None or self._met or self._life.ending.is_set():
            return
        try:
            id = self._engine.create(self._plan(self._asked))
            self._made = _Made(id, self._asked)
            self._engine.start(id)
        except HathiError as error:
            self._life.tell(ready=False, problem=self._explained(error))
            if self._made is not None:
                self._bury(self._made.id)
                self._made = None
            if self._image_is_gone():
                self._life.hang_up()  # the next worker finds it anew
            else:
                self._later()
            return
        threading.Thread(target=self._watch, args=(id,), name=f"{self._life.name} end", daemon=True).start()

    def _image_is_gone(self) -> bool:
        try:
            return self._engine.image(self._image.id) is None
        except HathiError:
            return False

    def _name(self, asked: _Asked) -> str:
        return f"{self._prefix}-{self._life.name}-{asked.serial}"

    def _plan(self, asked: _Asked) -> Plan:
        box = box_folder(self._life.scratch, asked.serial)
        return Plan(
            name=self._name(asked),
            image=self._image,
            command=shim_command(self._image.labels),
            env={TOKEN_VARIABLE: asked.token},
            labels=self._labels,
            mounts=(Mount(box / "link", LINK, read_only=True), Mount(box / "pfs", "/pfs")),
            host=self._host,
        )

    def _explained(self, error: HathiError) -> str:
        """Return why no container could be started."""
        if not isinstance(error, EngineRefused):
            return str(error)
        if str(self._life.scratch) in str(error) and any(sign in str(error).lower() for sign in _SOURCE_MISSING):
            return f"the engine cannot show a folder of pachd's to a container: {error}. {SAME_PATH}"
        return self._unfit(str(error))

    def _stillborn(self, made: _Made, reason: str) -> str:
        """Return why a container ended before its shim had reached the worker; its last words may say more."""
        try:
            words = self._engine.last_words(made.id)
        except HathiError:
            words = ""
        return self._unfit(f"{reason}: {words}" if words else reason)

    def _unfit(self, reason: str) -> str:
        """Return why an image cannot be used; of one for another architecture the engine says too little."""
        name, own = self._life.group.transform.get("image", ""), self._image.machine
        try:
            machine = self._engine.machine()
        except HathiError:
            machine = own
        if own and machine and own != machine:
            return f'the image "{name}" is for {own}, the engine is for {machine}: {reason}'
        return f'no container of the image "{name}" can be started: {reason}'

    def _watch(self, id: str) -> None:
        """Wait for the end of a container, through ends of the engine."""
        pause, gone = FIRST_PAUSE, False
        while not self._over.is_set():
            try:
                exit = self._engine.exited(id)
                if gone:
                    self._life.tell(problem="")
                pause, gone = FIRST_PAUSE, False
                if exit is not None:
                    self._events.put(_Ended(id, exit))
                    return
                self._engine.wait(id)
            except EngineGone as error:
                gone = True
                self._life.tell(problem=str(error))
                self._over.wait(pause)
                pause = min(pause * 2, LAST_PAUSE)
            except Exception as error:  # the engine refuses, or nobody foresaw it: count the container as ended
                self._events.put(_Ended(id, Exit(-1, error=describe(error))))
                return

    def _end(self, id: str) -> None:
        try:
            self._engine.kill(id)
        except HathiError:
            pass  # the end of the container will show by itself
