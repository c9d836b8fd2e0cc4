"""Whatever stands in whatever argument or option, pachctl says what is wrong in a few printable lines."""

from __future__ import annotations

from pathlib import Path

import click
import pytest

from hathi.cli import registry
from hathi.cli.grammar import load
from hathi.wire.gen import pps_pb2

HOSTILE = {
    "not text": "a\udcff",
    "long": "x" * 5_000,
    "digits": "9" * 5_000,
    "control": "\x1b[2J\n",
    "empty": "",
    "reference": "a@b=c^~9:/x",
    "long reference": "data@" + "0123456789ab4def8123456789abcdef" * 100 + ":/*" + "(" * 60,
    "negative": "-1",
    "quote": "'",
    "blank": " ",
}
UNENDING = {("dev",), ("run", "datum"), ("port-forward",), ("shell",), ("ci",)}
"""Commands that start programs of this machine."""

ENTRIES = [entry for entry in registry.COMMANDS if not any(entry.words[: len(words)] == words for words in UNENDING)]


def _value(param: click.Parameter) -> str:
    name = param.name or ""
    if name in ("file", "branch_or_commit") or "@" in (param.metavar or ""):
        return "data@master:/x" if "PATH" in (param.metavar or "") else "data@master"
    return "1" if isinstance(param.type, click.types.IntParamType) else "data"


@pytest.mark.parametrize("value", HOSTILE.values(), ids=HOSTILE)
def test_any_value_of_any_argument_or_option_is_taken_or_refused_in_short(
    offline, server, value: str, tmp_path: Path, monkeypatch
) -> None:
    monkeypatch.chdir(tmp_path)
    server.answers["InspectPipeline"] = pps_pb2.PipelineInfo(user_spec_json="{}")
    address = f"grpc://127.0.0.1:{server.port}"
    for entry in ENTRIES:
        command = load(entry)
        arguments = [param for param in command.params if isinstance(param, click.Argument)]
        options = [param for param in command.params if isinstance(param, click.Option) and not param.is_flag]
        runs = [
            [value if other is param else _value(other) for other in arguments if other.required or other is param]
            for param in arguments
        ]
        plain = [_value(param) for param in arguments if param.required]
        runs += [[*plain, f"{max(option.opts, key=len)}={value}"] for option in options]
        for words in runs:
            done = offline(*entry.words, *words, text=b"x", PACHD_ADDRESS=address, EDITOR="true", HOME=str(tmp_path))
            told = (entry.name, words)
            assert "Traceback" not in done.err, told
            assert len(done.err) < 9_000, told
            assert done.err.replace("\n", "").isprintable(), told
