"""Images at a terminal: progress while one is built and pushed, questions if need be."""

from __future__ import annotations

import getpass
import os
import stat
import sys
from collections import deque
from pathlib import Path
from types import TracebackType

import click

from hathi.cli.errors import CliError
from hathi.cli.render import sizes
from hathi.cli.session import Session
from hathi.cli.specs import Spec
from hathi.engine.values import Step
from hathi.images import publishing
from hathi.images.context import context_files
from hathi.images.errors import ImageError
from hathi.images.publishing import Target, Wish

_DONE = ("Pushed", "Layer already exists", "Mounted from", "Pull complete", "Already exists")
"""What an engine says when a layer is where it shall be."""

_STEP = "Step "
"""How the engine's report of a step of a build begins."""

NARROW = 80
"""Columns of a terminal that does not say how many it has."""

_KEPT = 500
"""Lines of a step that are kept to be shown if it fails."""


def target_of(spec: Spec, wish: Wish) -> Target:
    """Return what a wish comes to for a spec. CliError names the place of what is wrong with it."""
    try:
        return publishing.target_of(spec.data["transform"], spec.folder, wish)
    except ImageError as error:
        text = spec.line(error.place, str(error)) if error.place else f"{spec.source}: {error}"
        raise CliError(text) from error


def publish(session: Session, spec: Spec, wish: Wish) -> Spec:
    """Build if wished, tag and push if wished a spec's image; returns the spec with the new name of it."""
    from hathi.engine.docker import Engine  # brings the SDK, which takes long to load

    target = target_of(spec, wish)
    given = wish.registry.partition("/")[0]
    if given and target.name.host.partition("/")[0] != given:
        session.warn(f"the image's name says where it goes, so --registry {wish.registry} changes nothing")
    if target.context is not None:
        _tell_context(target.context, target.dockerfile)
    try:
        with Steps() as steps:
            image = publishing.publish(Engine(session.env), target, wish, ask, steps.show)
    except ImageError as error:
        raise CliError(f"{spec.source}: {error}") from error
    click.echo(f"{'pushed' if wish.push else 'built'} {image}", err=True)
    return spec.with_image(str(image))


def _tell_context(context: Path, dockerfile: str) -> None:
    """Tell what is sent to the engine: it is silent meanwhile, and much is most often a mistake."""
    found = [os.lstat(file) for file in context_files(context, dockerfile)]
    files = [status.st_size for status in found if not stat.S_ISDIR(status.st_mode)]
    click.echo(f"sending {context}: {len(files)} files, {sizes.size(sum(files))}", err=True)


def ask(prompt: str, hidden: bool) -> str | None:
    """Ask a person, or whoever writes to standard input; None when nobody answers."""
    if hidden and sys.stdin.isatty():
        return getpass.getpass(prompt, stream=sys.stderr)
    click.echo(prompt, err=True, nl=False)
    line = sys.stdin.readline().strip() or None
    if line is None or not sys.stdin.isatty():
        click.echo(err=True)  # nobody pressed Enter at the terminal
    return line


class Steps:
    """Shows what an engine reports: each line of a build, and of a push how far it is.

    On a terminal that is one line which changes; elsewhere a line for each layer that is done.
    """

    _doing = "pushing"

    def __init__(self) -> None:
        self._terminal = sys.stderr.isatty()
        self._layers: dict[str, Step] = {}
        self._open = False

    def show(self, step: Step) -> None:
        """Show one report."""
        if not step.layer:
            self._line(step.text)
            return
        self._layers[step.layer] = step
        if self._terminal:
            self._rewrite(self._summary())
        elif step.text.startswith(_DONE):
            self._line(f"{step.layer}: {step.text}")

    def __enter__(self) -> Steps:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._end_line()

    def _summary(self) -> str:
        layers = self._layers.values()
        done = sum(step.text.startswith(_DONE) for step in layers)
        sent, total = sum(min(step.done, step.total) for step in layers), sum(step.total for step in layers)
        moved = f", {sizes.size(sent)} of {sizes.size(total)}" if total else ""
        return f"{self._doing}: {done} of {len(self._layers)} layers{moved}"

    def _rewrite(self, text: str) -> None:
        width = os.get_terminal_size(sys.stderr.fileno()).columns or NARROW
        click.echo(f"\r\x1b[K{text[: width - 1]}", err=True, nl=False)
        self._open = True

    def _line(self, text: str) -> None:
        self._end_line()
        click.echo(text, err=True)

    def _end_line(self) -> None:
        if self._open:
            click.echo(err=True)
            self._open = False


class BuildSteps(Steps):
    """Shows of a build only which step it is at, and when it fails all that this step printed.

    On a terminal nothing of it stays when all went well.
    """

    _doing = "pulling"

    def __init__(self) -> None:
        super().__init__()
        self._printed: deque[str] = deque(maxlen=_KEPT)

    def show(self, step: Step) -> None:
        """Show one report."""
        if step.layer:
            super().show(step)
        elif not step.text.startswith(_STEP):
            self._printed.append(step.text)
        else:
            self._printed.clear()
            if self._terminal:
                self._rewrite(step.text)
            else:
                self._line(step.text)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if isinstance(error, Exception):
            for line in self._printed:
                self._line(line)
        elif self._open:
            click.echo("\r\x1b[K", err=True, nl=False)
            self._open = False
        self._end_line()
