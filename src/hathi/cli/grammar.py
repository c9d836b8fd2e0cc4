"""How words become commands: verb first, then resource, each loaded when it is asked for.

Click does the parsing; what differs from its manners stands here. Arguments are counted before anything else, with the
original's text; the global flags may stand behind any word; a switch may be written `--flag=false`; a resource may be
singular or plural; a bare resource (`pachctl commit`) lists the commands for it; and the hyphenated words of 1.x are
translated (`hathi.cli.legacy`).
"""

from __future__ import annotations

import difflib
import importlib
import re
from collections.abc import Callable, Sequence
from typing import Any

import click

from hathi.cli import legacy, registry
from hathi.cli.options import global_options
from hathi.model.quoting import excerpt

HELP = {"help_option_names": ["-h", "--help"]}
_DIGITS = 30
"""Characters of a text that is tried as a number."""

_NEAR = 64
"""Characters of an unknown word that known ones are compared with."""

_SWITCH = re.compile(r"(-[A-Za-z]|--[A-Za-z][A-Za-z0-9-]*)=(.*)", re.DOTALL)
_TRUE = ("true", "1", "t", "T", "TRUE", "True")
_FALSE = ("false", "0", "f", "F", "FALSE", "False")


class ArgumentCountError(click.ClickException):
    """A command got more or fewer arguments than it takes; the text is the original's."""

    def __init__(self, least: int, most: int | None, got: int, usage: str) -> None:
        if most is None:
            wanted = f"at least {least}"
        elif least == most:
            wanted = str(least)
        else:
            wanted = f"{least} to {most}"
        super().__init__(f"expected {wanted} arguments, got {got}\n\n{usage}")


class Whole(click.types.IntParamType):
    """A whole number that the server's messages can hold."""

    name = "integer"

    def __init__(self, bits: int = 31) -> None:
        self._most = 2**bits - 1

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        """Return the number."""
        if isinstance(value, str) and len(value) > _DIGITS:
            self.fail(f"{excerpt(value, _DIGITS)} is no number that makes sense here", param, ctx)
        number = int(super().convert(value, param, ctx))
        if abs(number) > self._most:
            self.fail(f"{number} is too large: at most {self._most:,}", param, ctx)
        return number


class UnknownWord(click.ClickException):
    """No command has this word; the text says which come near."""

    def __init__(self, word: str, path: str, known: Sequence[str]) -> None:
        near = difflib.get_close_matches(word[:_NEAR], known, n=3, cutoff=0.6)
        hint = f", did you mean {' or '.join(repr(name) for name in near)}?" if near else "."
        super().__init__(f'unknown command "{excerpt(word)}" for "{path}"{hint} Run \'{path} --help\' for the list.')


class Leaf(click.Command):
    """A command that does something."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        kwargs["context_settings"] = {**HELP, **kwargs.get("context_settings", {})}
        super().__init__(*args, **kwargs)
        for param in self.params:
            if param.type is click.INT:
                param.type = Whole()

    def get_params(self, ctx: click.Context) -> list[click.Parameter]:
        """Return its own parameters and the global ones."""
        return [*super().get_params(ctx), *global_options()]

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Count the arguments, then parse."""
        args = self._plain(args)
        options = [param for param in self.get_params(ctx) if isinstance(param, click.Option)]
        counter = click.Command(self.name, params=[*options], add_help_option=False)
        _, words, seen = counter.make_parser(click.Context(counter)).parse_args(list(args))
        arguments = [param for param in self.params if isinstance(param, click.Argument)]
        least = sum(1 for param in arguments if param.required)
        most = None if any(param.nargs == -1 for param in arguments) else len(arguments)
        asks_for_help = self.get_help_option(ctx) in seen
        if not asks_for_help and (len(words) < least or (most is not None and len(words) > most)):
            raise ArgumentCountError(least, most, len(words), ctx.get_usage())
        return super().parse_args(ctx, args)

    def _plain(self, args: list[str]) -> list[str]:
        """Rewrite `--switch=true`, `--switch=false` and `-o=value`, which click does not know."""
        switches = {
            name: param
            for param in (*self.params, *global_options())
            if isinstance(param, click.Option) and param.is_flag
            for name in param.opts
        }
        plain: list[str] = []
        for at, arg in enumerate(args):
            if arg == "--":
                return plain + args[at:]
            found = _SWITCH.fullmatch(arg)
            if found and found[1] in switches:
                if found[2] not in (*_TRUE, *_FALSE):
                    raise click.ClickException(
                        f'invalid argument "{found[2]}" for "{found[1]}" flag: not true or false'
                    )
                if found[2] in _TRUE:
                    plain.append(found[1])
                elif switches[found[1]].secondary_opts:
                    plain.append(switches[found[1]].secondary_opts[0])
            elif found and len(found[1]) == 2:
                plain += [found[1], found[2]]
            else:
                plain.append(arg)
        return plain

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write its own options first and the global ones apart."""
        shared = global_options()
        own = [p for p in self.get_params(ctx) if isinstance(p, click.Option) and p not in shared]
        for title, options in (("Options", own), ("Global options", list(shared))):
            with formatter.section(title):
                formatter.write_dl([record for p in options if (record := p.get_help_record(ctx)) is not None])


def command(*args: Any, **kwargs: Any) -> Callable[[Callable[..., None]], Leaf]:
    """Make a command of a function; its summary comes from the registry, its docstring gives the details."""
    return click.command(*args, cls=Leaf, **kwargs)


class Words(click.Group):
    """A word that more words follow: the root, a verb, or `config get`."""

    def __init__(self, path: tuple[str, ...] = (), **kwargs: Any) -> None:
        super().__init__(context_settings=HELP, **kwargs)
        self.path = path

    def get_params(self, ctx: click.Context) -> list[click.Parameter]:
        """Return the global options and help."""
        return [*super().get_params(ctx), *global_options()]

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the words that may follow."""
        return registry.children(self.path)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Load what a word stands for, or return None."""
        words = (*self.path, cmd_name)
        if registry.children(words, hidden=True):
            summary = registry.VERBS.get(cmd_name, f"Commands that begin with {' '.join(words)}.")
            return Words(words, name=cmd_name, help=summary, short_help=summary, no_args_is_help=True)
        entry = registry.find(words)
        return load(entry) if entry else None

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the list of commands from the registry alone, so that help imports none of them."""
        rows = []
        for word in self.list_commands(ctx):
            entry = registry.find((*self.path, word))
            rows.append((word, entry.summary if entry else registry.VERBS.get(word, f"Commands for {word}.")))
        with formatter.section("Commands"):
            formatter.write_dl(rows)

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find the command that the first word names; an unknown word is reported with what comes near."""
        found = self.get_command(ctx, args[0])
        if found is None and registry.is_absent((*self.path, args[0])):
            raise click.ClickException(
                f'"{ctx.command_path} {args[0]}" is a command of Pachyderm that Hathi does not have'
            )
        if found is None:
            raise UnknownWord(args[0], ctx.command_path, self.list_commands(ctx))
        return found.name, found, args[1:]


class Root(Words):
    """`pachctl` itself: verbs, resources, and the words of 1.x."""

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Load a verb, a command without resource, or the help page of a resource."""
        found = super().get_command(ctx, cmd_name)
        if found is None:
            for noun, entries in registry.nouns().items():
                if cmd_name in (noun, entries[0].plural):
                    return _resource_page(noun, entries)
        return found

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Name the resources, each of which has a page of help."""
        with formatter.section("Resources (pachctl RESOURCE lists its commands)"):
            formatter.write_text(", ".join(registry.nouns()))

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find a command; `help` asks for that of what follows; the words of 1.x are translated, with a warning."""
        if args[0] == "help":
            if len(args) == 1:
                click.echo(ctx.get_help())
                ctx.exit()
            args = [*args[1:], "--help"]
        new = legacy.LEGACY.get(args[0])
        if new is None:
            return super().resolve_command(ctx, args)
        entry = registry.find(tuple(new.split()))
        assert entry is not None, f"the 1.x word {args[0]} has no command"
        found = load(entry)
        options = [param for param in found.get_params(ctx) if isinstance(param, click.Option)]
        rest = legacy.translate(args[0], args[1:], options)
        click.echo(f"WARNING: '{args[0]}' is deprecated and will be removed; use 'pachctl {new}' instead.", err=True)
        return entry.name, found, rest


def load(entry: registry.Entry) -> click.Command:
    """Import a command's module and return the command, with name, summary and visibility from the registry."""
    module = importlib.import_module(f"hathi.cli.commands.{entry.module}")
    found: click.Command = getattr(module, entry.function)
    details = (found.callback.__doc__ or "").strip() if found.callback else ""
    found.name = entry.words[-1]
    found.help = f"{entry.summary}\n\n{_paragraphs(details)}".strip()
    found.short_help = entry.summary
    found.hidden = entry.hidden
    return found


def commands_with(option: str, resource: str) -> list[str]:
    """Return the commands for a resource that have an option."""
    entries = registry.nouns().get(resource, [])
    return [entry.name for entry in entries if any(option in param.opts for param in load(entry).params)]


def _paragraphs(text: str) -> str:
    return "\n".join(line.strip() for line in text.splitlines())


def _resource_page(noun: str, entries: list[registry.Entry]) -> click.Command:
    @click.command(noun, help=f"Commands for {noun}.", context_settings=HELP)
    @click.pass_context
    def page(ctx: click.Context) -> None:
        formatter = ctx.make_formatter()
        with formatter.section(f"Commands for {noun}"):
            formatter.write_dl([(f"pachctl {entry.name}", entry.summary) for entry in entries])
        click.echo(formatter.getvalue().rstrip("\n"))

    return page
