"""Documents in JSON or YAML with the place of every value, so that what is wrong can be pointed at.

YAML alone has a parser that tells places, and JSON is nearly a subset of it. Hence: YAML nodes give the places and, for
YAML, the values, under the original's stricter rules (no aliases, text keys, plain decimal integers); values of real
JSON come from the JSON parser. One text may hold several documents: YAML's `---`, a list, or JSON objects one behind
the other.
"""

from __future__ import annotations

import json
import re
from contextlib import suppress
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import yaml

from hathi.model.quoting import excerpt
from hathi.model.spec import limits
from hathi.model.spec.kinds import camel
from hathi.model.spec.problems import MOST

Path = tuple[str | int, ...]

_INTEGER = re.compile(r"[-+]?(0|[1-9][0-9]*)")
_ODD_INTEGER = re.compile(r"[-+]?(0[0-9_]+|0[xob][0-9A-Fa-f_]+|[1-9][0-9_]*_[0-9_]*)")
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?")
_NULL = ("", "~", "null", "Null", "NULL")
_BOOLEANS = {"true": True, "True": True, "TRUE": True, "false": False, "False": False, "FALSE": False}
_TAG = "tag:yaml.org,2002:"


@dataclass(frozen=True, slots=True, order=True)
class Place:
    """A line and a column in a text, both counted from 1."""

    line: int
    column: int

    def __str__(self) -> str:
        return f"{self.line}:{self.column}"


@dataclass(frozen=True, slots=True)
class Mistake:
    """Something that is wrong at a place."""

    place: Place
    message: str


@dataclass(frozen=True)
class Document:
    """One value, where it begins, and where each value in it is; entries of mappings are where their keys are."""

    value: Any
    start: Place
    places: dict[Path, Place] = field(default_factory=dict)

    def find(self, path: Path) -> Place:
        """Return the place of a path, or of the nearest thing above it that exists; keys are as they are, or camelCase
        for the snake_case that fields have in messages.
        """
        while path:
            if path in self.places:
                return self.places[path]
            if _camel(path) in self._camel_places:
                return self._camel_places[_camel(path)]
            path = path[:-1]
        return self.start

    @cached_property
    def _camel_places(self) -> dict[Path, Place]:
        return {_camel(each): place for each, place in self.places.items()}


def _camel(path: Path) -> Path:
    return tuple(camel(step) if isinstance(step, str) else step for step in path)


class Unreadable(Exception):
    """A text is not what it should be; `mistakes` holds at least one, and of very many the first."""

    def __init__(self, mistakes: list[Mistake]) -> None:
        if len(mistakes) > MOST:
            more = Mistake(mistakes[MOST].place, f"and {len(mistakes) - MOST:,} more mistakes from here on")
            mistakes = [*mistakes[:MOST], more]
        super().__init__("; ".join(f"{each.place}: {each.message}" for each in mistakes))
        self.mistakes = mistakes


def read(text: str) -> list[Document]:
    """Return the documents of a text, those in lists one by one, or raise Unreadable with every mistake."""
    if len(text) > limits.MAX_TEXT:
        raise Unreadable([Mistake(Place(1, 1), f"{len(text):,} characters are {limits.TOO_LONG}")])
    documents = _read_json(text) if text.lstrip()[:1] in ("{", "[") else None
    if documents is None:
        documents = _read_yaml(text)
    return [single for document in documents for single in _singles(document)]


def _singles(document: Document) -> list[Document]:
    """Return a document alone, or the items of one that is a list."""
    if not isinstance(document.value, list):
        return [document]
    inner: list[dict[Path, Place]] = [{} for _ in document.value]
    for path, place in document.places.items():
        if len(path) > 1 and isinstance(path[0], int):
            inner[path[0]][path[1:]] = place
    return [
        Document(item, document.places.get((at,), document.start), inner[at]) for at, item in enumerate(document.value)
    ]


def _read_json(text: str) -> list[Document] | None:
    """Return the JSON documents of a text, or None when it is not JSON throughout, or not within limits."""
    if limits.too_deep_at(text) >= 0:
        with suppress(yaml.YAMLError):
            _checked(text.replace("\t", " "))
        return None
    at, line, line_start, found, nodes = 0, 0, 0, [], 0
    while (start := _start_of_next(text, at)) < len(text):
        try:
            value, end = _DECODER.raw_decode(text, start)
        except json.JSONDecodeError:
            return None
        except ValueError:
            return _read_yaml(text.replace("\t", " "))
        line += text.count("\n", at, start)
        line_start = max(line_start, text.rfind("\n", at, start) + 1)
        document, more = _placed(value, text[start:end], line, start - line_start)
        nodes += more
        if nodes > limits.MAX_NODES:
            raise Unreadable([Mistake(document.start, limits.TOO_MANY)])
        found.append(document)
        line += text.count("\n", start, end)
        line_start = max(line_start, text.rfind("\n", start, end) + 1)
        at = end
    return found


def _start_of_next(text: str, at: int) -> int:
    found = _NOT_SPACE.search(text, at)
    return found.start() if found else len(text)


def _unread(digits: str) -> Any:
    """Leave a number to the YAML parser, which can tell where it is."""
    raise ValueError(digits)


def _json_integer(digits: str) -> int:
    return int(digits) if len(digits.lstrip("-")) <= limits.MAX_DIGITS else _unread(digits)


_DECODER = json.JSONDecoder(parse_int=_json_integer, parse_constant=_unread)
_NOT_SPACE = re.compile(r"\S")


def _placed(value: Any, text: str, line: int, column: int) -> tuple[Document, int]:
    """Return a JSON value with places, and how many values are in it.

    Its text is YAML, once tabs (which stand between tokens only) are spaces. line, column: where it begins, from 0.
    """
    begin = Place(line + 1, column + 1)
    reader = _Reader(line, column)
    yaml_text = text.replace("\t", " ")
    try:
        nodes = _checked(yaml_text)
        node = yaml.compose(yaml_text, _Loader)
    except yaml.YAMLError:
        return Document(value, begin), 1
    if node is not None:
        reader.value(node, ())
    return Document(value, begin, reader.places), nodes


def _checked(text: str) -> int:
    """Return how many values a YAML text has; Unreadable when it goes beyond a limit or has aliases.

    Composing is recursive, and follows an alias as often as it is named; this looks at one event after the other.
    """
    depth = nodes = 0
    aliases: list[Mistake] = []
    for event in yaml.parse(text, _Loader):
        if isinstance(event, yaml.CollectionStartEvent):
            depth += 1
        elif isinstance(event, yaml.CollectionEndEvent):
            depth -= 1
        elif isinstance(event, yaml.AliasEvent):
            aliases.append(Mistake(_place(event.start_mark), "alias nodes not supported"))
        nodes += isinstance(event, yaml.NodeEvent)
        if depth > limits.MAX_DEPTH:
            raise Unreadable([Mistake(_place(event.start_mark), limits.TOO_DEEP)])
        if nodes > limits.MAX_NODES:
            raise Unreadable([Mistake(_place(event.start_mark), limits.TOO_MANY)])
    if aliases:
        raise Unreadable(aliases)
    return nodes


def _read_yaml(text: str) -> list[Document]:
    documents, mistakes = [], []
    try:
        _checked(text)
        for node in yaml.compose_all(text, _Loader):
            reader = _Reader()
            value = reader.value(node, ())
            documents.append(Document(value, reader.at(node), reader.places))
            mistakes += reader.mistakes
    except yaml.MarkedYAMLError as error:
        mistakes.append(_syntax_mistake(text, error))
    except yaml.YAMLError as error:
        mistakes.append(Mistake(Place(1, 1), excerpt(str(error).splitlines()[0], 200)))
    if mistakes:
        raise Unreadable(mistakes)
    return documents


def _place(mark: Any) -> Place:
    """Return the place that one of the parser's marks means; it counts from 0."""
    return Place(mark.line + 1, mark.column + 1) if mark else Place(1, 1)


def _syntax_mistake(text: str, error: yaml.MarkedYAMLError) -> Mistake:
    """Say what the parser stumbled over; for text that is nearly JSON, the JSON parser says it better."""
    if text.lstrip()[:1] in ("{", "[") and limits.too_deep_at(text) < 0:
        try:
            json.loads(text, parse_int=str)
        except json.JSONDecodeError as json_error:
            return Mistake(Place(json_error.lineno, json_error.colno), f"not valid JSON: {json_error.msg}")
    return Mistake(
        _place(error.problem_mark or error.context_mark),
        ", ".join(excerpt(part, 200) for part in (error.context, error.problem) if part),
    )


class _Loader(yaml.SafeLoader):
    """Composes nodes without guessing what plain words mean."""


_Loader.yaml_implicit_resolvers = {}


class _Reader:
    """Turns nodes into values, noting where each is and what is wrong. `line`, `column`: where the text begins."""

    def __init__(self, line: int = 0, column: int = 0) -> None:
        self.places: dict[Path, Place] = {}
        self.mistakes: list[Mistake] = []
        self._line = line
        self._column = column

    def at(self, node: yaml.Node) -> Place:
        """Return where a node begins in the whole text."""
        line, column = node.start_mark.line, node.start_mark.column
        return Place(line + self._line + 1, column + (self._column if line == 0 else 0) + 1)

    def value(self, node: yaml.Node, path: Path) -> Any:
        """Return a node's value."""
        if isinstance(node, yaml.MappingNode):
            return self._mapping(node, path)
        if isinstance(node, yaml.SequenceNode):
            return self._sequence(node, path)
        assert isinstance(node, yaml.ScalarNode)
        return self._scalar(node)

    def _sequence(self, node: yaml.SequenceNode, path: Path) -> list[Any]:
        items = []
        for at, item in enumerate(node.value):
            self.places[(*path, at)] = self.at(item)
            items.append(self.value(item, (*path, at)))
        return items

    def _mapping(self, node: yaml.MappingNode, path: Path) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for key, value in node.value:
            if not isinstance(key, yaml.ScalarNode) or not isinstance(self._scalar(key), str):
                self.mistakes.append(Mistake(self.at(key), "keys must be strings"))
                continue
            name = key.value
            if name in found:
                self.mistakes.append(Mistake(self.at(key), f'"{excerpt(name)}" is given twice'))
            self.places[(*path, name)] = self.at(key)
            found[name] = self.value(value, (*path, name))
        return found

    def _scalar(self, node: yaml.ScalarNode) -> Any:
        text, kind = node.value, node.tag.removeprefix(_TAG)
        if node.style is not None or kind != "str":
            return self._tagged(node, kind)
        if text in _NULL:
            return None
        if text in _BOOLEANS:
            return _BOOLEANS[text]
        if len(text.lstrip("+-")) > limits.MAX_DIGITS:
            return self._long(node)
        if _INTEGER.fullmatch(text):
            return int(text)
        if _ODD_INTEGER.fullmatch(text):
            self.mistakes.append(Mistake(self.at(node), f"{text}: integers must be decimal, without leading zeros"))
            return None
        return float(text) if _FLOAT.fullmatch(text) else text

    def _long(self, node: yaml.ScalarNode) -> Any:
        """Return a plain word that is too long for a number in that form."""
        text: str = node.value
        if _FLOAT.fullmatch(text):
            if not _INTEGER.fullmatch(text):
                return float(text)
            self.mistakes.append(Mistake(self.at(node), f"{excerpt(text, 40)}: {limits.TOO_MANY_DIGITS}"))
            return None
        return text

    def _tagged(self, node: yaml.ScalarNode, kind: str) -> Any:
        """Return the value of quoted text, or of one whose kind is given by a tag."""
        text: str = node.value
        try:
            if kind in ("int", "float") and len(text) <= limits.MAX_DIGITS:
                return int(text) if kind == "int" else float(text)
        except ValueError:
            pass
        if kind in ("int", "float"):
            kind = f"{kind} (which {excerpt(text)} is not)"
        if kind == "bool" and text in _BOOLEANS:
            return _BOOLEANS[text]
        if kind == "null":
            return None
        if kind not in ("str", "!"):
            self.mistakes.append(Mistake(self.at(node), f"cannot read a value with the tag {excerpt(kind, 200)}"))
        return text
