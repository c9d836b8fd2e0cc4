"""Whatever stands in whatever field of a spec, reading it ends with a result or with a short SpecError."""

from __future__ import annotations

import json
from collections.abc import Iterator
from itertools import pairwise
from typing import Any

import pytest

from hathi.model.spec import SpecError, camel_case, parse_spec
from hathi.model.spec.fields import PIPELINE_SPEC
from hathi.model.spec.kinds import Kind, ListOf, MapOf, Message

HOSTILE: list[Any] = [
    None,
    True,
    "",
    "\0",
    "a\ud800",
    "ä\u202e\x1b[31m",
    "/" * 3_000,
    "x" * 300_000,
    "9" * 10_000,
    "1e308",
    "-1",
    "@every 0s",
    0,
    -1,
    10**400,
    2**64,
    -(2**63),
    1.5,
    float("nan"),
    float("inf"),
    -1e308,
    [],
    [[]],
    [None],
    ["x"] * 3_000,
    {},
    {"": ""},
    {"x" * 100_000: {"y": [1]}},
    {"name": {"name": {"name": []}}},
]


def places(kind: Kind, path: tuple[str, ...] = (), depth: int = 0) -> Iterator[tuple[str, ...]]:
    """Yield every place of a spec that the table of fields knows; "0" is the first item of a list."""
    if path:
        yield path
    if depth > 5:
        return
    if isinstance(kind, Message):
        for name, field in kind.fields.items():
            yield from places(field, (*path, name), depth + 1)
    elif isinstance(kind, ListOf):
        yield from places(kind.item, (*path, "0"), depth + 1)
    elif isinstance(kind, MapOf):
        yield from places(kind.item, (*path, "key"), depth + 1)


def with_value(path: tuple[str, ...], value: Any) -> dict[str, Any]:
    spec: dict[str, Any] = {
        "pipeline": {"name": "p"},
        "transform": {"image": "a:1", "cmd": ["true"]},
        "input": {"pfs": {"repo": "r", "glob": "/*"}},
    }
    if path[0] == "input" and path[1:2] != ("pfs",):
        del spec["input"]
    elif path[:2] == ("input", "pfs"):
        spec["input"]["pfs"] = dict(spec["input"]["pfs"])
    node: Any = spec
    for step, following in pairwise(path):
        empty: Any = [] if following == "0" else {}
        if isinstance(node, list):
            if not node:
                node.append(empty)
            node = node[0]
        else:
            if not isinstance(node.get(step), type(empty)):
                node[step] = empty
            node = node[step]
    if isinstance(node, list):
        node[:] = [value]
    else:
        node[path[-1]] = value
    return spec


PLACES = sorted(set(places(PIPELINE_SPEC)))


@pytest.mark.parametrize("value", HOSTILE, ids=lambda value: repr(value)[:20].encode("ascii", "replace").decode())
def test_any_value_in_any_field_is_read_or_refused_in_short(value: Any) -> None:
    assert len(PLACES) > 150
    for path in PLACES:
        try:
            parsed = parse_spec(with_value(path, value))
        except SpecError as error:
            assert len(str(error)) < 8_000, path
            assert str(error).isprintable(), path
        else:
            json.dumps(camel_case(parsed.effective), allow_nan=False).encode()


@pytest.mark.parametrize("name", ["parallelism", "method", "inputs", "standby", "resource_spec", "TFJob", "chunk_spec"])
@pytest.mark.parametrize("value", HOSTILE, ids=lambda value: repr(value)[:20].encode("ascii", "replace").decode())
def test_any_value_in_an_old_field_is_read_or_refused_in_short(name: str, value: Any) -> None:
    for path in (
        (name,),
        ("inputs", "0", name),
        ("input", name),
        ("parallelism_spec", "coefficient"),
        ("input", "atom"),
    ):
        try:
            parse_spec(with_value(path, value))
        except SpecError as error:
            assert len(str(error)) < 8_000, path
