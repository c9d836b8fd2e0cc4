"""From a spec as a user wrote it to everything that making a pipeline needs to know."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from hathi.model import inputs
from hathi.model.pps import PipelineType
from hathi.model.references import DEFAULT_PROJECT, Pipeline
from hathi.model.spec import legacy, rules
from hathi.model.spec.canonical import read, without_nulls
from hathi.model.spec.complete import complete
from hathi.model.spec.defaults import effective
from hathi.model.spec.problems import Note, Problem, SpecError

MODIFIERS = ("update", "reprocess", "dry_run", "backfill", "spec_commit")
"""Fields that say what to do with the spec once, rather than what the pipeline is."""


@dataclass(frozen=True, slots=True)
class ParsedSpec:
    """A spec that is sound in itself; whether what it names exists is for others to find out.

    pipeline: what it is called.
    user: what the user wrote, in canonical form, nulls included, without modifiers.
    effective: with defaults and everything else filled in; what the pipeline runs by.
    input: None for a spout.
    modifiers: the request modifiers that were given (see MODIFIERS).
    notes: what the user should know.
    """

    pipeline: Pipeline
    type: PipelineType
    user: dict[str, Any]
    effective: dict[str, Any]
    input: inputs.Input | None
    modifiers: Mapping[str, Any]
    notes: tuple[Note, ...] = ()


def parse_spec(
    spec: Mapping[str, Any], *, project: str = DEFAULT_PROJECT, defaults: Sequence[Mapping[str, Any]] = ()
) -> ParsedSpec:
    """Read a spec in the JSON form of CreatePipelineRequest, or raise SpecError with every mistake.

    project: of the pipeline where the spec names none.
    defaults: further layers of defaults in canonical form, weakest first, between the built-in ones and the spec.
    """
    translated, notes, origin = legacy.trace(spec)
    user, problems = read(translated)
    modifiers = without_nulls({key: user.pop(key) for key in MODIFIERS if key in user})
    merged = effective(*defaults, user)
    home = merged.get("pipeline", {}).get("project", {}).get("name") or project
    if not any(layer.get("transform") is not None for layer in (*defaults, user)):
        merged.pop("transform", None)  # the built-in image alone says nothing about what to run
    broken = rules.problems(merged, home)
    problems += [rule for rule in broken if not any(_inside(problem, rule) for problem in problems)]
    if problems:
        raise SpecError([Problem(origin(problem.path), problem.message) for problem in problems])
    pipeline = Pipeline(home, merged["pipeline"]["name"])
    full = complete(merged, pipeline)
    source = inputs.from_spec(full["input"], home, pipeline.name) if "input" in full else None
    notes += [Note(origin(note.path), note.message) for note in rules.notes(merged)]
    return ParsedSpec(pipeline, _type(full), user, full, source, modifiers, tuple(notes))


def _inside(cause: Problem, effect: Problem) -> bool:
    """Return whether a rule may be broken only because something at or below its place could not be read."""
    return cause.path[: len(effect.path)] == effect.path


def _type(spec: Mapping[str, Any]) -> PipelineType:
    if "spout" in spec:
        return PipelineType.SPOUT
    return PipelineType.SERVICE if "service" in spec else PipelineType.TRANSFORM
