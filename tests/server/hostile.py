"""Requests that no honest client sends: every field may hold the worst that its type can."""

from __future__ import annotations

import random
import struct
from collections.abc import Sequence
from typing import Any

from google.protobuf.descriptor import Descriptor, FieldDescriptor
from google.protobuf.message_factory import GetMessageClass

_SPEC = '{"pipeline": {"name": "q"}, "transform": {"cmd": ["true"]}, "input": {"pfs": {"repo": "images", "glob": "/*"}}'

NAMES = [
    "",
    "default",
    "images",
    "p",
    "master",
    "staging",
    "user",
    "meta",
    "spec",
    "a" * 32,
    "../..",
    "é" * 100,
    "x" * 70_000,
]
ANCESTRY = [
    "master^2",
    "master^" + "9" * 5000,
    "master^999999999",
    "master^-1",
    "master.1",
    "^" * 500,
    "@",
    "images@master",
]
PATHS = ["/", "/a", "/a/b", "a//b", "/../..", "/" + "a/" * 3000, "/" + "x" * 300, "\0", "/a\0b", "\u202e", "%s%n"]
GLOBS = ["*", "**", "[", "[a", "{a,b", "?(a)" * 40, "!(*!(*a)c)", "(" * 2000, "\\", "/*", "/(*)", "/(*)/$1"]
JSON = ["{}", "[]", "null", "{", '{"a":' * 5000, "[" * 100_000, "9" * 5000, "NaN", "1e999"]
SPECS = [
    _SPEC + "}",
    _SPEC.replace("true", "\\ud800") + "}",
    _SPEC.replace('"q"', '"\\ud800"') + "}",
    _SPEC + ', "parallelism_spec": {"constant": 1e308}}',
    _SPEC + ', "parallelism_spec": {"constant": -1}, "datum_tries": 1e99}',
    _SPEC + ', "datum_timeout": "9999999999999h"}',
    _SPEC + ', "datum_timeout": "nan", "autoscaling": [[]]}',
    _SPEC + ', "resource_limits": {"memory": "1e400Gi", "cpu": 1e999}}',
    _SPEC + ', "datum_set_spec": {"number": 99999999999999999999, "size_bytes": -1}}',
    '{"pipeline": {"name": "q"}, "transform": {"cmd": ["a"]}, "input": {"cron": {"name": "a", "spec": "@every 1ns"}}}',
    '{"pipeline": "q", "transform": [], "input": 7}',
]
OTHERS = [
    "64M",
    "-1",
    "1e400Gi",
    "lots",
    "* * * * *",
    "2024-01-01",
    "0001-01-01T00:00:00Z",
    "http://",
    "s3://x",
    "';--",
]
TEXTS: Sequence[str] = [*NAMES, *ANCESTRY, *PATHS, *GLOBS, *JSON, *SPECS, *OTHERS]

_MILD = [text for text in TEXTS if len(text) <= 1024 and "\0" not in text]

INTEGERS = (0, 1, 2, 3, -1, 1000, 2**31 - 1, 2**31, 2**53, 2**63 - 1, -(2**63), 2**64 - 1)
REALS = (0.0, 1.0, -1.0, float("nan"), float("inf"), -float("inf"), 1e300, -1e300, 5e-324, 3.4e38)
BYTES = (b"", b"x", b"\0" * 32, bytes(range(32)), b"\xff" * 100)

_RANGES = {
    FieldDescriptor.TYPE_INT32: (-(2**31), 2**31 - 1),
    FieldDescriptor.TYPE_UINT32: (0, 2**32 - 1),
    FieldDescriptor.TYPE_INT64: (-(2**63), 2**63 - 1),
    FieldDescriptor.TYPE_UINT64: (0, 2**64 - 1),
}


class Hostile:
    """Makes messages of any type. `known`: texts that mean something on the server under test, such as ids.

    Half of the messages are mild: nothing in them is beyond the limits of requests, so that they reach what is behind.
    """

    def __init__(self, seed: str, known: Sequence[str] = ()) -> None:
        self._random = random.Random(seed)
        self._known = list(known)
        self._mild = False

    def message(self, kind: Descriptor, depth: int = 0) -> Any:
        """Return a message; one in three fields is left out, and most of them deep down."""
        if depth == 0:
            self._mild = self._random.random() < 0.5
        message = GetMessageClass(kind)()
        for field in kind.fields:
            if self._random.random() < (0.33 if depth < 4 else 0.8) or depth > 12:
                continue
            self._fill(message, field, depth)
        return message

    def _fill(self, message: Any, field: FieldDescriptor, depth: int) -> None:
        kind = field.message_type
        if kind is not None and kind.GetOptions().map_entry:
            key, value = kind.fields_by_name["key"], kind.fields_by_name["value"]
            for _ in range(self._random.randrange(3)):
                getattr(message, field.name)[self._value(key)] = self._value(value)
        elif field.is_repeated:
            for _ in range(self._random.randrange(3)):
                values = getattr(message, field.name)
                values.append(self._value(field) if kind is None else self.message(kind, depth + 1))
        elif kind is not None:
            getattr(message, field.name).CopyFrom(self.message(kind, depth + 1))
        else:
            setattr(message, field.name, self._value(field))

    def _value(self, field: FieldDescriptor) -> Any:
        pick = self._random.choice
        if self._mild and field.enum_type is not None:
            return pick(list(field.enum_type.values_by_number))
        if self._mild and field.type in _RANGES:
            return pick(INTEGERS[:3])
        if self._mild and field.type in (FieldDescriptor.TYPE_DOUBLE, FieldDescriptor.TYPE_FLOAT):
            return pick(REALS[:2])
        if self._mild and field.type == FieldDescriptor.TYPE_STRING and field.name.endswith("_json"):
            return pick(SPECS)
        if self._mild and field.type == FieldDescriptor.TYPE_STRING:
            return pick(self._known) if self._known and self._random.random() < 0.8 else pick(_MILD)
        if field.type == FieldDescriptor.TYPE_STRING:
            return pick(self._known) if self._known and self._random.random() < 0.6 else pick(TEXTS)
        if field.type == FieldDescriptor.TYPE_BYTES:
            return pick(BYTES)
        if field.type == FieldDescriptor.TYPE_BOOL:
            return self._random.random() < 0.5
        if field.enum_type is not None:
            return pick([*field.enum_type.values_by_number, -1, 99_999])
        if field.type in (FieldDescriptor.TYPE_DOUBLE, FieldDescriptor.TYPE_FLOAT):
            number = pick(REALS)
            return struct.unpack("f", struct.pack("f", number))[0] if abs(number) < 3e38 else number
        least, most = _RANGES[field.type]
        return min(max(pick(INTEGERS), least), most)
