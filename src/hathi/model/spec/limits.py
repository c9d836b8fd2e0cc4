"""Bound what a spec may be before anything looks into it.

Whatever reads a spec walks it recursively and repeats parts of it; these limits make that safe for any text and any
message. They are far above what people write: the largest field is a program given as text.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

from hathi.model.errors import InvalidError
from hathi.model.spec.problems import Path, Problem, SpecError

MAX_TEXT = 1 << 20
"""Characters of a spec's text, and of its keys and strings together."""

MAX_DEPTH = 100
"""Levels of mappings and lists; an input below another takes two."""

MAX_NODES = 50_000
"""Values in a spec, at all levels."""

MAX_DIGITS = 100
"""Digits of a number as it is written; no field takes a quarter of that."""

TOO_LONG = f"too long (at most {MAX_TEXT >> 20} MiB of text)"
TOO_DEEP = f"nested too deeply (at most {MAX_DEPTH} levels)"
TOO_MANY = f"too many values (at most {MAX_NODES:,})"
TOO_MANY_DIGITS = f"too many digits for a number (at most {MAX_DIGITS})"
NOT_TEXT = "holds half a surrogate pair, which is no text"

_BRACKETS = re.compile(r'"(?:[^"\\]|\\.)*+"?|[\[{]|[\]}]', re.DOTALL)


def check(spec: Any) -> None:
    """Raise SpecError when a spec in JSON form goes beyond a limit; the place is told."""
    nodes = characters = 0
    waiting: list[tuple[Any, Path]] = [(spec, ())]
    while waiting:
        value, path = waiting.pop()
        nodes += 1
        if isinstance(value, str):
            characters += len(value)
            _check_text(value, path)
        elif isinstance(value, Mapping):
            for key in value:
                characters += len(str(key))
                _check_text(str(key), path)
            waiting += [(item, (*path, str(key))) for key, item in value.items()]
        elif isinstance(value, list | tuple):
            waiting += [(item, (*path, index)) for index, item in enumerate(value)]
        elif isinstance(value, int) and value.bit_length() > MAX_DIGITS * 4:
            _refuse(path, TOO_MANY_DIGITS)
        if len(path) > MAX_DEPTH:
            _refuse(path, TOO_DEEP)
        if nodes + len(waiting) > MAX_NODES:
            _refuse((), TOO_MANY)
        if characters > MAX_TEXT:
            _refuse((), TOO_LONG)


def load_json(text: str) -> Any:
    """Return the value of a JSON text that somebody wrote, or raise InvalidError, also where it goes beyond a limit."""
    if len(text) > MAX_TEXT:
        raise InvalidError(f"{len(text):,} characters are {TOO_LONG}")
    if (place := too_deep_at(text)) >= 0:
        raise InvalidError(f"{TOO_DEEP} (character {place + 1:,})")
    try:
        value = json.loads(text, parse_int=_integer, parse_constant=_constant)
    except json.JSONDecodeError as error:
        raise InvalidError(f"not valid JSON: {error}") from None
    check(value)
    return value


def too_deep_at(text: str) -> int:
    """Return the index of the bracket that opens a level too many in a JSON text, -1 when there is none."""
    depth = 0
    for token in _BRACKETS.finditer(text):
        if token[0] in "[{":
            depth += 1
            if depth > MAX_DEPTH:
                return token.start()
        elif token[0] in "]}":
            depth -= 1
    return -1


def _integer(digits: str) -> int:
    if len(digits.lstrip("-")) > MAX_DIGITS:
        raise InvalidError(TOO_MANY_DIGITS)
    return int(digits)


def _constant(name: str) -> Any:
    raise InvalidError(f"not valid JSON: {name} is no number")


def _check_text(text: str, path: Path) -> None:
    if "\0" in text:
        _refuse(path, "holds a NUL character")
    if not text.isascii():
        try:
            text.encode()
        except UnicodeEncodeError:
            _refuse(path, NOT_TEXT)


def _refuse(path: Path, message: str) -> None:
    raise SpecError([Problem(path, message)])
