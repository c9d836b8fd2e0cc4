"""The canonical form of a spec, and the way from it to the form that clients of the original read."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from hathi.model.spec.fields import PIPELINE_SPEC
from hathi.model.spec.kinds import Kind, ListOf, MapOf, Message, camel
from hathi.model.spec.limits import check
from hathi.model.spec.problems import Problem, SpecError


def canonical(spec: Mapping[str, Any]) -> dict[str, Any]:
    """Return `spec` with snake_case names, plain integers, enum names and normal durations, or raise SpecError.

    Nulls stay, because in a merge with defaults they remove the default; `without_nulls` drops them. Fields of the
    result stand in the order of the user's.
    """
    check(spec)
    result, problems = read(spec)
    if problems:
        raise SpecError(problems)
    return result


def read(spec: Mapping[str, Any]) -> tuple[dict[str, Any], list[Problem]]:
    """Return what can be understood of `spec`, in canonical form, and the problems with the rest, which is null."""
    problems: list[Problem] = []
    return PIPELINE_SPEC.read(spec, (), problems.append) or {}, problems


def without_nulls(value: Any) -> Any:
    """Return `value` without the mapping entries that are null, at any depth."""
    if isinstance(value, Mapping):
        return {key: without_nulls(item) for key, item in value.items() if item is not None}
    if isinstance(value, list | tuple):
        return [without_nulls(item) for item in value]
    return value


def camel_case(spec: Mapping[str, Any], kind: Kind = PIPELINE_SPEC) -> dict[str, Any]:
    """Return a canonical spec with camelCase names; keys that users chose (labels, environment) stay as they are."""
    return {camel(key): _camel_value(value, _field(kind, key)) for key, value in spec.items()}


def _field(kind: Kind, key: str) -> Kind | None:
    return kind.fields.get(key) if isinstance(kind, Message) else None


def _camel_value(value: Any, kind: Kind | None) -> Any:
    if isinstance(kind, Message) and isinstance(value, Mapping):
        return camel_case(value, kind)
    if isinstance(kind, ListOf) and isinstance(value, list | tuple):
        return [_camel_value(item, kind.item) for item in value]
    return dict(value) if isinstance(kind, MapOf) and isinstance(value, Mapping) else value
