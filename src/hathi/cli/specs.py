"""Reading pipeline specifications: from a file, a URL or standard input, with every mistake and its place.

A mistake is reported as `file:line:column: field: what is wrong`, all of them at once, before anything is sent: several
specs in one place are either all sound or none is sent.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from hathi.cli import fetching, places
from hathi.cli.errors import CliError
from hathi.cli.placing import STDIN, is_url
from hathi.images import buildspec
from hathi.images.buildspec import BuildSpec
from hathi.model.images import parse_image
from hathi.model.spec import Problem, SpecError, parse_spec, show, translate
from hathi.model.spec.rules import NO_COMMAND

_UNKNOWN = re.compile(r'unknown field "([^"]+)"')
"""A problem with a key that is not known has the path of the mapping; the key itself is what to point at."""

IMAGE = ("transform", "image")

MOST_LINES = 50
"""Mistakes that are told of one text."""

MODES = ("update", "reprocess", "dry_run")


class SpecFileError(CliError):
    """Specs are wrong; the text holds one line for each mistake."""

    def __init__(self, lines: list[str]) -> None:
        super().__init__("\n".join(lines))
        self.lines = lines


@dataclass(frozen=True, slots=True)
class Spec:
    """One specification as the user wrote it, apart from modes and `$schema`, with its project filled in.

    modes: top-level `update`, `reprocess` and `dry_run`, which overrule what the command says.
    folder: what relative paths in it start from; None when it came from a URL.
    build: what `transform.build` asks for, which `data` is without.
    line: makes a line for a person of what is wrong at a path in it, with its place.
    """

    source: str
    data: dict[str, Any]
    modes: dict[str, bool]
    folder: Path | None = None
    build: BuildSpec | None = None
    line: Callable[[places.Path, str], str] = field(default=lambda path, text: text, compare=False, repr=False)

    @property
    def name(self) -> str:
        """The pipeline's name."""
        return str(self.data["pipeline"]["name"])

    @property
    def project(self) -> str:
        """The pipeline's project."""
        return str(self.data["pipeline"]["project"]["name"])

    def with_image(self, image: str) -> Spec:
        """Return the spec with another image."""
        return replace(self, data={**self.data, "transform": {**self.data["transform"], "image": image}})


def load(place: str, project: str, note: Callable[[str], None], *, tagged: bool = False) -> list[Spec]:
    """Read the specs at a place (a path, a URL, or `-`); `note` is told what the user should know.

    tagged: images will get tags of their own, so that what they are called in the spec is of no concern.
    """
    source = "<stdin>" if place == STDIN else place
    return parse(fetching.read_text(place), source, project, note, folder_of(place), tagged=tagged)


def folder_of(place: str) -> Path | None:
    """Return what relative paths in a spec start from: its folder, or the working directory for standard input."""
    if is_url(place):
        return None
    return Path.cwd() if place == STDIN else Path(place).absolute().parent


def parse(
    text: str,
    source: str,
    project: str,
    note: Callable[[str], None],
    folder: Path | None = None,
    *,
    tagged: bool = False,
) -> list[Spec]:
    """Return the specs of a text, or raise SpecFileError. `source` is what its places are shown under."""
    try:
        documents = [document for document in places.read(text) if document.value is not None]
    except places.Unreadable as error:
        raise SpecFileError([f"{source}:{each.place}: {each.message}" for each in error.mistakes]) from None
    if not documents:
        raise CliError(f"{source}: no pipeline specification")
    lines: list[str] = []
    specs = []
    for document in documents:
        try:
            spec = _check(document, source, project, note, folder)
        except SpecFileError as error:
            lines += error.lines
            continue
        specs.append(spec)
        if spec.build is None and not tagged:
            _warn_of_image(spec.data, f"{source}:{document.find(IMAGE)}", note)
    if len(lines) > MOST_LINES:
        lines = [*lines[:MOST_LINES], f"{source}: and {len(lines) - MOST_LINES:,} more mistakes"]
    if lines:
        raise SpecFileError(lines)
    return specs


def _check(
    document: places.Document, source: str, project: str, note: Callable[[str], None], folder: Path | None
) -> Spec:
    def line(path: places.Path, message: str) -> str:
        where = f" {show(path)}:" if path else ""
        unknown = _UNKNOWN.match(message)
        place = document.find((*path, unknown[1]) if unknown else path)
        return f"{source}:{place}:{where} {message}"

    if not isinstance(document.value, dict):
        raise SpecFileError([line((), "expected a pipeline specification, which is a mapping")])
    data = _without_schema(document.value)
    problems = _missing_names(data, line)
    modes = {}
    for mode in MODES:
        given = data.pop(mode, None)
        if given is not None and not isinstance(given, bool):
            problems.append(line((mode,), "expected true or false"))
        elif given is not None:
            modes[mode] = given
    data, wanted = buildspec.take(data)
    build, missing = _build(wanted, data, folder)
    problems += [line(each.path, each.message) for each in missing]
    try:
        parsed = parse_spec(data, project=project)
    except SpecError as error:
        problems += [line(each.path, each.message) for each in error.problems if not (problems and not each.path)]
        raise SpecFileError(problems) from None
    if problems:
        raise SpecFileError(problems)
    for remark in parsed.notes:
        if build is not None and remark.message == NO_COMMAND:
            continue  # the builder brings one
        note(line(remark.path, remark.message))
    return Spec(source, _with_project(data, project), modes, folder, build, line)


def _build(wanted: Any, data: dict[str, Any], folder: Path | None) -> tuple[BuildSpec | None, list[Problem]]:
    """Return what a spec's `build` object asks for, and what is wrong with it."""
    if wanted is None:
        return None, []
    try:
        modern, _ = translate(data)
    except SpecError:
        modern = data  # what cannot be translated is told by whoever reads the rest
    return buildspec.read(wanted, modern, folder)


def _missing_names(data: dict[str, Any], line: Callable[[places.Path, str], str]) -> list[str]:
    pipeline = data.get("pipeline")
    if pipeline is None:
        return [line((), "no `pipeline` specified")]
    if isinstance(pipeline, dict) and not pipeline.get("name"):
        return [line(("pipeline",), "no pipeline `name` specified")]
    return []


def _warn_of_image(data: dict[str, Any], place: str, note: Callable[[str], None]) -> None:
    """Tell that a moving tag makes results that cannot be made again."""
    transform = data.get("transform")
    image = transform.get("image") if isinstance(transform, dict) else None
    if not isinstance(image, str) or not image:
        return
    name = parse_image(image)
    if not name.digest and name.tag in ("", "latest"):
        what = "has no tag" if not name.tag else "has the tag latest"
        note(f'{place}: {show(IMAGE)}: the image "{image}" {what}; name a fixed one, so that results can be redone')


def _with_project(data: dict[str, Any], project: str) -> dict[str, Any]:
    pipeline = data["pipeline"]
    if (pipeline.get("project") or {}).get("name"):
        return data
    return {**data, "pipeline": {**pipeline, "project": {"name": project}}}


def _without_schema(value: Any) -> Any:
    """Return the value without `$schema`, which editors use, at any depth."""
    if isinstance(value, dict):
        return {key: _without_schema(inner) for key, inner in value.items() if key != "$schema"}
    if isinstance(value, list):
        return [_without_schema(inner) for inner in value]
    return value
