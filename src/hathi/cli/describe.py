"""The whole command surface as text: a snapshot that is reviewed, and the reference page of the documentation.

Both are made from the commands themselves, so neither can say anything that is not so; tests hold the committed copies
against what is made here.
"""

from __future__ import annotations

from collections.abc import Iterator

import click

from hathi.cli import legacy, registry
from hathi.cli.grammar import load
from hathi.cli.main import INTRODUCTION
from hathi.cli.options import global_options

MARKDOWN_INTRO = """# pachctl

Made from the commands by `make docs`; change them there.

{introduction}
A resource may be written in the singular or in the plural. These options may stand behind any command:

{options}
"""


def surface() -> str:
    """Return one block for each command: its words, arguments and options, and then the words of 1.x."""
    blocks = [_lines(entry) for entry in registry.COMMANDS]
    shared = ["GLOBAL", *(f"  {_option(option)}" for option in global_options())]
    old = ["1.x", *(f"  {word} -> {new}" for word, new in sorted(legacy.LEGACY.items()))]
    return "\n\n".join("\n".join(lines) for lines in (shared, *sorted(blocks), old)) + "\n"


def _lines(entry: registry.Entry) -> list[str]:
    command = load(entry)
    arguments = " ".join(_argument(param) for param in command.params if isinstance(param, click.Argument))
    also = f"  (also: {entry.plural})" if entry.plural else ""
    hidden = "  (hidden)" if entry.hidden else ""
    options = [param for param in command.params if isinstance(param, click.Option)]
    lines = sorted(f"  {_option(option)}" for option in options)
    return [f"{entry.name} {arguments}".rstrip() + also + hidden, *lines]


def _argument(argument: click.Argument) -> str:
    text = argument.metavar or (argument.name or "").upper()
    return text if argument.required or text.startswith("[") else f"[{text}]"


def _option(option: click.Option) -> str:
    names = ", ".join(sorted([*option.opts, *option.secondary_opts], key=len))
    if option.is_flag:
        return names
    kind = option.metavar or option.type.name
    default = option.default() if callable(option.default) else option.default
    shown = f" = {default}" if isinstance(default, str | int | float) and default not in ("", 0) else ""
    many = " (repeatable)" if option.multiple else ""
    return f"{names} <{kind}>{shown}{many}"


def reference() -> str:
    """Return the reference page in Markdown."""
    shared = "\n".join(_markdown_option(option) for option in global_options())
    parts = [MARKDOWN_INTRO.format(introduction=INTRODUCTION, options=shared)]
    visible = [entry for entry in registry.COMMANDS if not entry.hidden]
    for entry in sorted(visible, key=lambda each: each.words):
        parts.append("\n".join(_markdown(entry)))
    return "\n".join(parts)


def _markdown(entry: registry.Entry) -> Iterator[str]:
    command = load(entry)
    arguments = " ".join(_argument(param) for param in command.params if isinstance(param, click.Argument))
    yield f"## {entry.name}\n"
    yield f"```\npachctl {entry.name} {arguments}".rstrip() + "\n```\n"
    yield f"{command.help}\n"
    options = [param for param in command.params if isinstance(param, click.Option)]
    if options:
        yield "\n".join(_markdown_option(option) for option in options) + "\n"


def _markdown_option(option: click.Option) -> str:
    return f"- `{_option(option)}`: {option.help}"
