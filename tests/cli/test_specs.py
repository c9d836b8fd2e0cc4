"""Whatever a file of specs holds, pachctl reads it or refuses it in a few lines."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from hathi.cli import specs
from hathi.cli.errors import CliError

SPEC = {
    "pipeline": {"name": "p"},
    "transform": {"image": "a:1", "cmd": ["true"]},
    "input": {"pfs": {"repo": "r", "glob": "/*"}},
}
DEEP: Any = "x"
for _ in range(90):
    DEEP = [DEEP]

VALUES = {
    "deep": DEEP,
    "long": "x" * 300_000,
    "digits": "9" * 10_000,
    "surrogate": "a\ud800",
    "NUL": "a\0b",
    "escape": "\x1b[31m",
    "number": 1e308,
    "list": [None, [], {}],
    "mapping": {"x" * 50_000: {"y": [1]}},
    "many": ["x"] * 3_000,
    "nothing": None,
    "true": True,
    "slashes": "/" * 5_000,
}
PLACES = [
    (),
    ("pipeline",),
    ("pipeline", "name"),
    ("pipeline", "project"),
    ("pipeline", "project", "name"),
    ("update",),
    ("transform",),
    ("transform", "image"),
    ("transform", "build"),
    ("transform", "build", "path"),
    ("transform", "build", "language"),
    ("transform", "build", "image"),
    ("input",),
    ("input", "pfs", "name"),
    ("input", "cross"),
    ("parallelism",),
    ("inputs",),
    ("$schema",),
]


def changed(value: Any, path: tuple[str, ...], new: Any) -> Any:
    if not path:
        return new
    inner = value.get(path[0]) if isinstance(value, dict) else {}
    return {**(value if isinstance(value, dict) else {}), path[0]: changed(inner or {}, path[1:], new)}


@pytest.mark.parametrize("new", VALUES.values(), ids=VALUES)
@pytest.mark.parametrize("path", PLACES, ids=".".join)
def test_any_value_anywhere_is_read_or_refused_in_a_few_lines(path: tuple[str, ...], new: Any, tmp_path: Path) -> None:
    said: list[str] = []
    spec = changed(SPEC, path, new)
    for text in (json.dumps(spec), json.dumps(spec, indent="\t"), json.dumps([spec, SPEC]), "---\n" + json.dumps(spec)):
        try:
            specs.parse(text, "spec.json", "default", said.append, tmp_path)
        except CliError as error:
            assert len(str(error)) < 10_000
    assert all(len(line) < 1_000 for line in said)


def test_of_very_many_wrong_specs_only_the_first_are_told(tmp_path: Path) -> None:
    with pytest.raises(CliError) as error:
        specs.parse('{"pipeline": 1}\n' * 500, "spec.json", "default", lambda text: None, tmp_path)
    lines = str(error.value).splitlines()
    assert len(lines) == 51
    assert lines[-1].endswith("more mistakes")


def test_a_build_spec_without_a_command_is_not_warned_of(tmp_path: Path) -> None:
    said: list[str] = []
    transform = {"build": {"language": "python", "path": "."}}
    specs.parse(json.dumps({**SPEC, "transform": transform}), "spec.json", "default", said.append, tmp_path)
    assert said == []
    specs.parse(json.dumps({**SPEC, "transform": {"image": "a:1"}}), "spec.json", "default", said.append, tmp_path)
    [line] = said
    assert line.startswith("spec.json:1:29: transform: there is no cmd, so every datum will fail")
