"""Check every request before a handler sees it: no number, date, text or nesting that later code cannot take.

The rules follow from the types of fields: an enum has a known number, a double is finite, a timestamp is a date, a text
is not endless. What a field needs beyond that stands in the tables here, by the field's full name or by its own. A
check is put together once for each type of message, and looks at no field that cannot be wrong, such as file bytes.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from functools import cache
from math import inf, isfinite
from typing import Any

from google.protobuf.descriptor import Descriptor, EnumDescriptor, FieldDescriptor
from google.protobuf.message import Message

from hathi.model.errors import InvalidError
from hathi.model.quoting import excerpt

KIB, MIB = 1 << 10, 1 << 20
LONG = 1 << 62
YEAR = 366 * 86_400

TEXT = 64 * KIB
"""Longest text, in characters, of a field that has no rule."""

_LONGEST_TEXTS = {
    KIB: "name id type repo branch commit project pipeline job service",
    4 * KIB: "group worker claim_id holder_id datum_id key URL url user image",
    16 * KIB: "path dst lower upper pattern glob working_dir datum inputs data_filters",
    MIB: "message error reason failed_reason cmd err_cmd stdin err_stdin value",
    8 * MIB: "template pod_spec pod_patch dockerfile user_json effective_json create_pipeline_request_json "
    "cluster_defaults_json project_defaults_json dag_spec load_spec",
}
TEXTS: Mapping[str, int] = {name: most for most, names in _LONGEST_TEXTS.items() for name in names.split()}
"""Longest text, in characters, by the name of the field."""

FREE_TEXTS = {"message", "error", "reason", "failed_reason"}
"""Texts that programs write: they may hold NUL characters, which no other text may."""

JSON_DEPTH = 100
JSON_DIGITS = 1000

NUMBERS: Mapping[str, tuple[float, float]] = {
    "page_size": (0, (1 << 31) - 1),
    "page_index": (0, (1 << 31) - 1),
    "offset": (0, LONG),
    "tail": (0, (1 << 31) - 1),
    "wait_seconds": (0, 86_400),
    "running_seconds": (0, 100 * YEAR),
    "download_seconds": (0, 100 * YEAR),
    "process_seconds": (0, 100 * YEAR),
    "upload_seconds": (0, 100 * YEAR),
    "seconds": (0, 100 * YEAR),
    "time_ns": (0, 253_402_300_799 * 1_000_000_000),
    "hathi_v1.ReadObjectRequest.length": (-1, LONG),
    "cpu": (0, 1e9),
}
"""Least and greatest value, by the name of the field."""

COUNT = 100_000
COUNTS: Mapping[str, int] = {
    "requests": 10_000,
    "cross": 1000,
    "union": 1000,
    "join": 1000,
    "group": 1000,
    "provenance": 10_000,
    "packs": 100_000,
}
"""Most values of a repeated field."""

_INTEGERS = {
    FieldDescriptor.TYPE_INT64,
    FieldDescriptor.TYPE_UINT64,
    FieldDescriptor.TYPE_INT32,
    FieldDescriptor.TYPE_UINT32,
    FieldDescriptor.TYPE_SINT64,
    FieldDescriptor.TYPE_SINT32,
    FieldDescriptor.TYPE_FIXED64,
    FieldDescriptor.TYPE_FIXED32,
    FieldDescriptor.TYPE_SFIXED64,
    FieldDescriptor.TYPE_SFIXED32,
}
_REALS = {FieldDescriptor.TYPE_DOUBLE, FieldDescriptor.TYPE_FLOAT}

Problem = tuple[str, str]
"""Where in the value, and what is wrong there."""

Check = Callable[[Any], Problem | None]


def check(message: Message) -> None:
    """Raise InvalidError, naming the field, its value and the limit, unless a request holds nothing impossible."""
    checked = _message_check(message.DESCRIPTOR)
    if checked is not None and (problem := checked(message)) is not None:
        where, what = problem
        raise InvalidError(f"{where.lstrip('.')} {what}")


@cache
def _message_check(kind: Descriptor) -> Check | None:
    """Return the check of a type of message; None when nothing in it can be wrong."""
    if kind.full_name in _WELL_KNOWN:
        return _WELL_KNOWN[kind.full_name]
    return _fields_check(kind)


def _fields_check(kind: Descriptor) -> Check | None:
    singles: list[tuple[str, Check]] = []
    messages: list[tuple[str, Check]] = []
    for field in kind.fields:
        if field.message_type is not None and not field.is_repeated:
            messages.append((field.name, _Lazy(field.message_type)))
        elif one := _repeated_check(field) if field.is_repeated else _value_check(field):
            singles.append((field.name, one))
    if not singles and not messages:
        return None

    def checked(message: Message) -> Problem | None:
        for name, one in singles:
            value = getattr(message, name)
            if value and (problem := one(value)) is not None:
                return f".{name}{problem[0]}", problem[1]
        for name, one in messages:
            if message.HasField(name) and (problem := one(getattr(message, name))) is not None:
                return f".{name}{problem[0]}", problem[1]
        return None

    return checked


class _Lazy:
    """The check of a message type, put together when a message of it comes: types contain themselves."""

    def __init__(self, kind: Descriptor) -> None:
        self._kind = kind

    def __call__(self, message: Message) -> Problem | None:
        checked = _message_check(self._kind)
        return None if checked is None else checked(message)


def _repeated_check(field: FieldDescriptor) -> Check:
    most = COUNTS.get(field.full_name, COUNTS.get(field.name, COUNT))
    kind = field.message_type
    if kind is not None and kind.GetOptions().map_entry:
        return _map_check(most, _value_check(kind.fields_by_name["key"]), _value_check(kind.fields_by_name["value"]))
    one: Check | None = _Lazy(kind) if kind is not None else _value_check(field)

    def checked(values: Any) -> Problem | None:
        if len(values) > most:
            return "", f"has {len(values)} values: at most {most} are allowed"
        if one is None:
            return None
        for number, value in enumerate(values):
            if (problem := one(value)) is not None:
                return f"[{number}]{problem[0]}", problem[1]
        return None

    return checked


def _map_check(most: int, key_check: Check | None, value_check: Check | None) -> Check:
    def checked(values: Mapping[Any, Any]) -> Problem | None:
        if len(values) > most:
            return "", f"has {len(values)} values: at most {most} are allowed"
        for key, value in values.items():
            for part, one in ((key, key_check), (value, value_check)):
                if one is not None and (problem := one(part)) is not None:
                    return f'["{excerpt(str(key), 40)}"]{problem[0]}', problem[1]
        return None

    return checked


def _value_check(field: FieldDescriptor) -> Check | None:
    """Return the check of one value that is no message."""
    if field.type == FieldDescriptor.TYPE_STRING:
        return _text_check(field)
    if field.enum_type is not None:
        return _enum_check(field.enum_type)
    if field.type in _REALS:
        return _number_check(field, -inf, inf)
    if field.type in _INTEGERS:
        return _number_check(field, -LONG, LONG)
    return None


def _text_check(field: FieldDescriptor) -> Check:
    most = TEXTS.get(field.full_name, TEXTS.get(field.name, TEXT))
    free = field.name in FREE_TEXTS
    is_json = field.name.endswith("_json")

    def checked(text: str) -> Problem | None:
        if len(text) > most:
            return "", f'is too long: "{excerpt(text)}"; at most {most} characters are allowed'
        if "\0" in text and not free:
            return "", f'has a NUL character, which is not allowed: "{excerpt(text)}"'
        return _json_problem(text) if is_json else None

    return checked


def _enum_check(kind: EnumDescriptor) -> Check:
    known = frozenset(kind.values_by_number)

    def checked(number: int) -> Problem | None:
        return None if number in known else ("", f"is {number}, which is no {kind.name}")

    return checked


def _number_check(field: FieldDescriptor, least: float, most: float) -> Check:
    least, most = NUMBERS.get(field.full_name, NUMBERS.get(field.name, (least, most)))

    def checked(number: float) -> Problem | None:
        if not isfinite(number):
            return "", f"is {number}, which is no number"
        if not least <= number <= most:
            return "", f"is {number}: it must be between {_shown(least)} and {_shown(most)}"
        return None

    return checked


def _shown(number: float) -> str:
    return f"{number:g}" if isinstance(number, float) else str(number)


_LEAST_TIME, _MOST_TIME = -62_135_596_800, 253_402_300_799  # of years 1 and 9999
_NANOS = 1_000_000_000


def _timestamp_problem(time: Any) -> Problem | None:
    if not _LEAST_TIME <= time.seconds <= _MOST_TIME or not 0 <= time.nanos < _NANOS:
        return "", f"is no date: {time.seconds} s and {time.nanos} ns since 1970; it must be in the years 1 to 9999"
    return None


def _duration_problem(duration: Any) -> Problem | None:
    if not 0 <= duration.seconds <= 100 * YEAR or not 0 <= duration.nanos < _NANOS:
        return "", f"is {duration.seconds} s and {duration.nanos} ns: it must be between 0 and {100 * YEAR} s"
    return None


_WELL_KNOWN: Mapping[str, Check | None] = {
    "google.protobuf.Timestamp": _timestamp_problem,
    "google.protobuf.Duration": _duration_problem,
    "google.protobuf.BytesValue": None,
    "google.protobuf.Int64Value": None,
    "google.protobuf.Empty": None,
}

_HIGH, _LOW = r"u[dD][89abAB][0-9a-fA-F]{2}", r"u[dD][c-fC-F][0-9a-fA-F]{2}"
_ESCAPES = re.compile(rf"\\(?:(?P<pair>{_HIGH}\\{_LOW})|(?P<half>{_HIGH}|{_LOW})|.)", re.DOTALL)
_JSON_TEXT = re.compile(r'"(?:[^"\\]++|\\.)*+"?', re.DOTALL)  # never tries anything twice
_JSON_MARKS = re.compile(rf"[\[{{]|[\]}}]|[0-9]{{{JSON_DIGITS},}}")


def _json_problem(text: str) -> Problem | None:
    """Return what is wrong with nesting, numbers and characters of a JSON text; that it is JSON is checked later."""
    depth = 0
    for mark in _marks(text):
        if mark in "[{":
            depth += 1
            if depth > JSON_DEPTH:
                return "", f"is nested too deeply: at most {JSON_DEPTH} levels are allowed"
        elif mark in "]}":
            depth -= 1
        else:
            return "", f"has a number of {len(mark)} digits: {excerpt(mark, 20)}"
    for escape in _ESCAPES.finditer(text):
        if escape["half"]:
            return "", f"has {escape.group()}, which is half a character"
    return None


def _marks(text: str) -> Iterable[str]:
    return (found.group() for found in _JSON_MARKS.finditer(_JSON_TEXT.sub('""', text)))
