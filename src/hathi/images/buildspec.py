"""`transform.build` of a pipeline spec: what it may say, and what stands in its way.

The server does not know it: whoever reads a spec takes the object out, and the rest is an ordinary spec.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hathi.images.official import LANGUAGES
from hathi.model.builds import BUILD, SOURCE
from hathi.model.inputs import COMBINATORS
from hathi.model.quoting import excerpt
from hathi.model.spec import Problem
from hathi.model.spec.kinds import STRING, Message
from hathi.model.spec.problems import Path as Place

PLACE: Place = ("transform", "build")
_FIELDS = Message("build", {"path": STRING, "language": STRING, "image": STRING})


@dataclass(frozen=True, slots=True)
class BuildSpec:
    """What to build. path: of the source folder, as written. language: of an official builder, or "". image: else."""

    path: str = "."
    language: str = ""
    image: str = ""


def take(spec: Mapping[str, Any]) -> tuple[dict[str, Any], Any]:
    """Return the spec without its `transform.build`, and that object as it stands, None when there is none."""
    transform = spec.get("transform")
    if not isinstance(transform, Mapping) or transform.get("build") is None:
        return dict(spec), None
    rest = {key: value for key, value in transform.items() if key != "build"}
    return {**spec, "transform": rest}, transform["build"]


def read(value: Any, spec: Mapping[str, Any], folder: Path | None) -> tuple[BuildSpec, list[Problem]]:
    """Return what the object `value` asks for, and every problem with it, in the order in which the original checks.

    spec: the rest of the spec, translated from old forms. folder: what `path` is relative to; None for a URL.
    """
    problems: list[Problem] = []
    fields = {key: text for key, text in (_FIELDS.read(value, PLACE, problems.append) or {}).items() if text}
    build = BuildSpec(**fields)
    if not build.language and not build.image:
        build = BuildSpec(build.path, image=str(spec["transform"].get("image") or ""))
    return build, [*problems, *(_problems(build, spec, folder) if isinstance(value, Mapping) else ())]


def folder_of(build: BuildSpec, base: Path) -> Path:
    """Return the source folder; `base` is what a relative path starts from."""
    return base / build.path


def _problems(build: BuildSpec, spec: Mapping[str, Any], folder: Path | None) -> Iterator[Problem]:
    if folder is None:
        yield Problem(PLACE, "cannot use build step-enabled pipelines that aren't local")
    if spec.get("spout") is not None:
        yield Problem(PLACE, "build step-enabled pipelines do not work with spouts")
    elif not spec.get("input"):
        yield Problem((), "no `input` specified")
    if not build.language and not build.image:
        yield Problem(PLACE, "must specify either a build `language` or `image`, or an image to run in")
    elif build.language and build.image:
        yield Problem(PLACE, "cannot specify both a build `language` and `image`")
    elif build.language and build.language not in LANGUAGES:
        known = ", ".join(LANGUAGES)
        yield Problem(
            (*PLACE, "language"),
            f'no official builder for "{excerpt(build.language)}" (there are {known}); give an `image`',
        )
    for name, place in _names(spec.get("input"), ("input",)):
        if name in (BUILD, SOURCE):
            yield Problem(place, f'build step-enabled pipelines cannot have an input named "{name}": it is reserved')
    if folder is not None and (reason := _not_a_folder(folder_of(build, folder))):
        yield Problem((*PLACE, "path"), f'build path "{excerpt(str(folder_of(build, folder)), 300)}" {reason}')


def _not_a_folder(path: Path) -> str:
    """Return why nothing can be built from a path, "" when it is a folder."""
    try:
        if path.is_dir():
            return ""
        return "is not a folder" if path.exists() else "does not exist"
    except OSError as error:
        return f"cannot be read: {error.strerror}"


def _names(node: Any, place: Place) -> Iterator[tuple[str, Place]]:
    """Yield the names of the inputs below a node that may not be sound yet."""
    if not isinstance(node, Mapping):
        return
    for kind, value in node.items():
        if kind in COMBINATORS and isinstance(value, list):
            for index, child in enumerate(value):
                yield from _names(child, (*place, kind, index))
        elif isinstance(value, Mapping):
            yield str(value.get("name") or value.get("repo") or ""), (*place, kind)
