"""What kinds of value a field of a spec can hold, and how each is read from JSON.

The rules are those of protobuf's JSON form, which specs have always been written in: numbers may be strings, enums
may be numbers, durations are `"600s"`, names may be camelCase or snake_case, null means unset. Reading yields one
canonical form, so that nothing downstream meets two spellings of the same thing.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Protocol

from hathi.model.quoting import excerpt
from hathi.model.spec.problems import Path, Problem

Report = Callable[[Problem], None]


class Kind(Protocol):
    """How to read one value."""

    def read(self, value: Any, path: Path, report: Report) -> Any:
        """Return the canonical form of `value`; what is wrong goes to `report`, and is null in the result."""
        ...


@dataclass(frozen=True)
class Anything:
    """Whatever stands there; for fields that are refused whatever they hold."""

    def read(self, value: Any, path: Path, report: Report) -> Any:
        return value


@dataclass(frozen=True)
class String:
    """A string."""

    def read(self, value: Any, path: Path, report: Report) -> Any:
        return value if isinstance(value, str) else _expected("a string", value, path, report)


@dataclass(frozen=True)
class Bool:
    """true or false."""

    def read(self, value: Any, path: Path, report: Report) -> Any:
        return value if isinstance(value, bool) else _expected("true or false", value, path, report)


@dataclass(frozen=True)
class Float:
    """A number, possibly written as a string."""

    def read(self, value: Any, path: Path, report: Report) -> Any:
        number = _number(value)
        return _expected("a number", value, path, report) if number is None else float(number)


@dataclass(frozen=True)
class Integer:
    """A whole number from `low` to `high`, possibly written as a string."""

    low: int
    high: int

    def read(self, value: Any, path: Path, report: Report) -> Any:
        number = _number(value)
        if number is None or number != int(number):
            return _expected("a whole number", value, path, report)
        if not self.low <= number <= self.high:
            return _expected(f"a whole number from {self.low} to {self.high}", value, path, report)
        return int(number)


@dataclass(frozen=True)
class Duration:
    """A span of time; canonical is a decimal number of seconds and `s`, without needless zeros."""

    def read(self, value: Any, path: Path, report: Report) -> Any:
        if isinstance(value, str) and (found := _DURATION.fullmatch(value)):
            fraction = (found[2] or "").rstrip("0").rstrip(".")
            return f"{int(found[1])}{fraction}s"
        seconds = _spelt_out(value)
        hint = f'; did you mean "{seconds:g}s"?' if seconds is not None else ""
        return _expected('a duration in seconds such as "600s"', value, path, report, hint)


@dataclass(frozen=True)
class Timestamp:
    """A time in RFC 3339, kept as written."""

    def read(self, value: Any, path: Path, report: Report) -> Any:
        if isinstance(value, str) and _TIMESTAMP.fullmatch(value):
            try:
                datetime.fromisoformat(value[:19])
            except ValueError:
                pass
            else:
                return value
        return _expected('a time such as "2026-01-31T12:00:00Z"', value, path, report)


@dataclass(frozen=True)
class Enum:
    """One of several names, or its number; canonical is the name."""

    numbers: Mapping[str, int]

    def read(self, value: Any, path: Path, report: Report) -> Any:
        if isinstance(value, str) and value in self.numbers:
            return value
        names = [name for name, number in self.numbers.items() if number == value and not isinstance(value, bool)]
        return names[0] if names else _expected(f"one of {', '.join(self.numbers)}", value, path, report)


@dataclass(frozen=True)
class ListOf:
    """A list of one kind; unset as a whole when an item is wrong, so that no rule meets a hole."""

    item: Kind

    def read(self, value: Any, path: Path, report: Report) -> Any:
        if not isinstance(value, list | tuple):
            return _expected("a list", value, path, report)
        items = [self.item.read(item, (*path, index), report) for index, item in enumerate(value)]
        return None if None in items else items


@dataclass(frozen=True)
class MapOf:
    """A mapping from free names to one kind."""

    item: Kind

    def read(self, value: Any, path: Path, report: Report) -> Any:
        if not isinstance(value, Mapping):
            return _expected("a mapping", value, path, report)
        return {str(key): _or_null(self.item, item, (*path, str(key)), report) for key, item in value.items()}


@dataclass(frozen=True)
class Message:
    """A mapping with fixed fields, under their snake_case names. `fields` may be filled in later, for recursion."""

    name: str
    fields: dict[str, Kind] = field(default_factory=dict)

    def read(self, value: Any, path: Path, report: Report) -> Any:
        if not isinstance(value, Mapping):
            return _expected(f"a mapping ({self.name})", value, path, report)
        spellings = {spelling: name for name in self.fields for spelling in (name, camel(name))}
        result: dict[str, Any] = {}
        for key, item in value.items():
            name = spellings.get(key)
            if key == "$schema":
                continue
            if name is None:
                report(Problem(path, self._unknown(str(key))))
            elif name in result:
                report(Problem((*path, key), f"given twice, as {name} and {camel(name)}"))
            else:
                result[name] = _or_null(self.fields[name], item, (*path, key), report)
        return result

    def _unknown(self, key: str) -> str:
        near = difflib.get_close_matches(snake(key[:_NEAR]), self.fields, n=1)
        hint = f'; did you mean "{near[0]}"?' if near else f" (known are {', '.join(self.fields)})"
        return f'unknown field "{excerpt(key)}"{hint}'


ANYTHING = Anything()
STRING = String()
BOOL = Bool()
FLOAT = Float()
INT32 = Integer(-(2**31), 2**31 - 1)
INT64 = Integer(-(2**63), 2**63 - 1)
UINT64 = Integer(0, 2**64 - 1)
DURATION = Duration()
TIMESTAMP = Timestamp()


def camel(name: str) -> str:
    """Return the camelCase spelling of a snake_case name."""
    head, *tail = name.split("_")
    return head + "".join(part[:1].upper() + part[1:] for part in tail)


def snake(name: str) -> str:
    """Return the snake_case spelling of a camelCase name."""
    return re.sub(r"(?<=[a-z0-9])[A-Z]", lambda found: "_" + found[0].lower(), name)


def seconds(duration: str) -> float:
    """Return the seconds of a canonical duration."""
    return float(duration.removesuffix("s"))


_LONGEST = 64
"""Characters of a text that is tried as a number or as a duration."""

_NEAR = 64
"""Characters of an unknown key that known ones are compared with."""

_DURATION = re.compile(r"(\d{1,12})(\.\d{1,9})?s", re.ASCII)
_TIMESTAMP = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,9})?(Z|[+-]\d\d:\d\d)", re.ASCII)
_DECIMAL = re.compile(r"-?(0|[1-9]\d*)(\.\d+)?([eE][+-]?\d{1,3})?", re.ASCII)
_UNIT = re.compile(r"(\d+(?:\.\d+)?)(ms|s|m|h|d)", re.ASCII)
_UNITS = {"ms": 0.001, "s": 1, "m": 60, "h": 3600, "d": 86400}


def _or_null(kind: Kind, value: Any, path: Path, report: Report) -> Any:
    return None if value is None else kind.read(value, path, report)


def _number(value: Any) -> int | float | None:
    if isinstance(value, str) and len(value) <= _LONGEST and _DECIMAL.fullmatch(value):
        return float(value) if set(value) & set(".eE") else int(value)
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return value if value - value == 0 else None


def _spelt_out(value: Any) -> float | None:
    """Return the seconds of a duration in the forms that people try: 600, "10m", "1h30m"."""
    if (number := _number(value)) is not None:
        return float(number)
    parts = _UNIT.findall(value) if isinstance(value, str) and len(value) <= _LONGEST else []
    if not parts or "".join(number + unit for number, unit in parts) != value:
        return None
    return sum(float(number) * _UNITS[unit] for number, unit in parts)


def _expected(what: str, value: Any, path: Path, report: Report, hint: str = "") -> None:
    report(Problem(path, f"expected {what}, got {_describe(value)}{hint}"))


def _describe(value: Any) -> str:
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return f'"{excerpt(value, 60)}"'
    if isinstance(value, Mapping):
        return "a mapping"
    return "a list" if isinstance(value, list | tuple) else _digits(value)


def _digits(value: Any) -> str:
    if isinstance(value, int) and value.bit_length() > _LONGEST * 4:
        return "a number of very many digits"
    return excerpt(str(value), 60)
