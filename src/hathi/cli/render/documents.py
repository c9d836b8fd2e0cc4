"""Messages of the server as they are: protobuf JSON under the original field names, or YAML; one document an object."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import click

from hathi.cli.errors import CliError

if TYPE_CHECKING:
    from google.protobuf.message import Message


def wanted(raw: bool, output: str) -> str:
    """Return the form that `--raw` and `-o` ask for: "", "json" or "yaml"; or raise CliError."""
    if output and not raw:
        raise CliError("cannot set --output (-o) without --raw")
    if not raw:
        return ""
    form = output.lower() or "json"
    if form not in ("json", "yaml"):
        raise CliError(f'unrecognized encoding "{output}": expected json or yaml')
    return form


def to_json(message: Message) -> dict[str, Any]:
    """Return a message as a JSON object under the original field names."""
    from google.protobuf import json_format  # raw output alone needs it

    return json_format.MessageToDict(message, preserving_proto_field_name=True)


def document(data: Any, form: str) -> str:
    """Return one value as a JSON or YAML document."""
    if form == "json":
        return json.dumps(data, indent=2, ensure_ascii=False)
    import yaml  # takes long to load and is rarely wanted

    return "---\n" + yaml.safe_dump(data, sort_keys=False, allow_unicode=True).rstrip("\n")


def show(messages: Iterable[Message], form: str) -> None:
    """Print messages as they come."""
    for message in messages:
        click.echo(document(to_json(message), form))
