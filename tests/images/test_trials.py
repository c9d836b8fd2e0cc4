"""Images to be tried go when they are not needed any more, and nobody else's do; on an engine that remembers."""

from __future__ import annotations

import os
import socket
from collections.abc import Mapping
from pathlib import Path

import pytest

from hathi.engine.errors import BuildFailed
from hathi.engine.values import Show, Step
from hathi.images import trials
from hathi.images.trials import LABEL, Reading, Trials
from hathi.model.images import ImageName

BASE, ONE, TWO, THREE, FOUR = (letter * 12 for letter in "0abcd")


class Shelf:
    """An engine whose builds report what a test says. stands: images that others stand on or that have names."""

    def __init__(self) -> None:
        self.report: list[str] = []
        self.fails = False
        self.names: list[str] = []
        self.labels: Mapping[str, str] = {}
        self.gone: list[str] = []
        self.stands: set[str] = set()
        self.left: list[tuple[list[str], Mapping[str, str]]] = []

    def build(self, context: Path, dockerfile: str, image: ImageName, show: Show, labels: Mapping[str, str]) -> None:
        for line in self.report:
            show(Step(line))
        if self.fails:
            raise BuildFailed("no")
        self.names.append(str(image))
        self.labels = labels

    def untag(self, name: str) -> bool:
        if name in self.names:
            self.names.remove(name)
        return True

    def discard(self, image: str) -> bool:
        if image in self.stands:
            return False
        self.gone.append(image)
        return True

    def images_labelled(self, label: str) -> list[tuple[list[str], Mapping[str, str]]]:
        return [each for each in self.left if label in each[1]]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "Dockerfile").touch()
    return tmp_path


def build(made: Trials, folder: Path) -> str:
    return made.build({}, folder, lambda step: None)


def step(number: int, what: str, image: str, *, cached: bool = False) -> list[str]:
    between = " ---> Using cache" if cached else " ---> Running in 123456789012"
    return [f"Step {number}/3 : {what}", between, f" ---> {image}"]


def test_only_what_a_build_made_is_ours() -> None:
    reading = Reading()
    lines = [f"Step 1/3 : FROM base:1\n ---> {BASE}", *step(2, "RUN make", ONE, cached=True), *step(3, "COPY . /", TWO)]
    for line in "\n".join([*lines, f"Successfully built {TWO}"]).splitlines():
        reading.take(line)
    assert reading.used == [BASE, ONE, TWO]
    assert reading.made == [TWO]


def test_what_the_last_build_consists_of_stays_and_the_rest_goes(folder: Path) -> None:
    shelf = Shelf()
    made = Trials(shelf)
    shelf.report = [*step(2, "RUN a", ONE), *step(3, "COPY b", TWO)]
    build(made, folder)
    made.tidy()
    assert (len(shelf.names), shelf.gone) == (1, [])
    shelf.report = [*step(2, "RUN a", ONE, cached=True), *step(3, "COPY b", THREE)]
    second = build(made, folder)
    made.tidy()
    assert shelf.names == [second]
    assert shelf.gone == [TWO]
    made.close()
    assert shelf.names == []
    assert shelf.gone == [TWO, THREE, ONE], "what stands on another goes before it"


def test_what_somebody_stands_on_is_left_and_tried_again(folder: Path) -> None:
    shelf = Shelf()
    made = Trials(shelf)
    shelf.report = step(2, "RUN a", ONE)
    build(made, folder)
    shelf.report, shelf.stands = step(2, "RUN b", TWO), {ONE}
    build(made, folder)
    made.tidy()
    assert shelf.gone == []
    shelf.stands = set()
    made.close()
    assert shelf.gone == [TWO, ONE]


def test_a_build_that_fails_leaves_its_steps_to_the_next_one(folder: Path) -> None:
    shelf = Shelf()
    made = Trials(shelf)
    shelf.report, shelf.fails = step(2, "RUN a", ONE), True
    with pytest.raises(BuildFailed):
        build(made, folder)
    shelf.report, shelf.fails = [*step(2, "RUN a", ONE, cached=True), *step(3, "RUN b", TWO)], False
    build(made, folder)
    made.tidy()
    assert shelf.gone == []
    made.close()
    assert shelf.gone == [TWO, ONE]


def test_what_an_interrupted_build_still_uses_is_waited_for(folder: Path) -> None:
    shelf = Shelf()
    pauses: list[float] = []

    def pause(seconds: float) -> None:
        pauses.append(seconds)
        if len(pauses) == 2:
            shelf.stands.clear()

    def interrupt(step: Step) -> None:
        if step.text.endswith("COPY b"):
            raise KeyboardInterrupt

    made = Trials(shelf, pause)
    shelf.report, shelf.stands = [*step(2, "RUN a", ONE), *step(3, "COPY b", TWO)], {ONE}
    with pytest.raises(KeyboardInterrupt):
        made.build({}, folder, interrupt)
    made.close()
    assert (len(pauses), shelf.gone) == (2, [ONE])


def test_the_images_of_those_who_were_killed_are_removed(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def kill(pid: int, signal: int) -> None:
        if pid == 7:
            raise ProcessLookupError
        raise PermissionError

    monkeypatch.setattr(trials.os, "kill", kill)
    here = socket.gethostname()
    owners = {"dead": f"{here}:7", "alive": f"{here}:8", "elsewhere": "other:7", "strange": "x"}
    shelf = Shelf()
    for name, owner in owners.items():
        names = [f"localhost/pachctl-dev:{name}", f"own:{name}"]
        shelf.names += names
        shelf.left.append((names, {LABEL: owner}))
    made = Trials(shelf)
    made.sweep()
    assert [name for name in shelf.names if "dead" in name] == ["own:dead"]
    assert len(shelf.names) == 7
    build(made, folder)
    assert shelf.labels == {LABEL: f"{here}:{os.getpid()}"}
