"""Options that many commands share, and the kinds of values they take."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import cache, wraps
from typing import TYPE_CHECKING, Any, TypeVar, cast

import click
from click.core import ParameterSource

from hathi.images.publishing import Wish
from hathi.model.images import DOCKER_HUB, is_registry
from hathi.model.quoting import excerpt

if TYPE_CHECKING:
    from hathi.cli.session import Session

F = TypeVar("F", bound=Callable[..., Any])

_PART = re.compile(r"(\d+(?:\.\d*)?|\.\d+)(ns|us|µs|ms|s|m|h)", re.ASCII)
_LONGEST = 10_000 * 365 * 86400.0
"""Seconds; what the protocol can say."""

_SECONDS = {"ns": 1e-9, "us": 1e-6, "µs": 1e-6, "ms": 1e-3, "s": 1.0, "m": 60.0, "h": 3600.0}


def parse_duration(text: str) -> float:
    """Return seconds for a duration as Go writes it (`1h30m`, `1.5s`, `0`); ValueError when it is none."""
    sign, rest = (-1, text[1:]) if text.startswith("-") else (1, text.removeprefix("+"))
    if rest == "0":
        return 0.0
    total, at = 0.0, 0
    while at < len(rest):
        part = _PART.match(rest, at)
        if part is None:
            break
        total += float(part[1]) * _SECONDS[part[2]]
        at = part.end()
    if at == 0 or at < len(rest):
        raise ValueError(f'invalid duration "{excerpt(text)}": write it like 10s, 5m or 1h30m')
    if total > _LONGEST:
        raise ValueError(f'the duration "{excerpt(text)}" is too long: at most {_LONGEST // 3600:.0f}h')
    return sign * total


class Duration(click.ParamType[float, str]):
    """A duration as Go writes it; the value is in seconds."""

    name = "duration"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        """Return seconds."""
        if isinstance(value, int | float):
            return float(value)
        try:
            return parse_duration(str(value))
        except ValueError as error:
            self.fail(str(error), param, ctx)


class History(click.ParamType[int, str]):
    """How many versions back: `none` is 0, `all` is -1."""

    name = "none|all|n"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        """Return the number."""
        if isinstance(value, int):
            return value
        named = {"none": 0, "all": -1}
        try:
            number = named[value] if value in named else int(value)
        except ValueError:
            number = -2
        if number < -1:
            self.fail(f'invalid history "{excerpt(str(value))}": write none, all or a number', param, ctx)
        return number


class Registry(click.ParamType[str, str]):
    """Where images are pushed to, perhaps with the beginning of their names."""

    name = "HOST[:PORT][/PATH]"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """Return the text."""
        if value and not is_registry(value):
            self.fail(
                f'"{value}" is no registry: write HOST[:PORT][/PATH], such as localhost:5000 or ghcr.io/team',
                param,
                ctx,
            )
        return str(value)


def split_commas(values: tuple[str, ...]) -> list[str]:
    """Return the values of an option that may be repeated or hold several, separated by commas."""
    return [part for value in values for part in value.split(",") if part]


@cache
def global_options() -> tuple[click.Option, ...]:
    """Return the options that may stand behind any word; each sets a field of the session."""

    def sets(field: str) -> Callable[[click.Context, click.Parameter, Any], None]:
        def callback(ctx: click.Context, param: click.Parameter, value: Any) -> None:
            session: Session | None = ctx.find_root().obj
            if value is not None and value is not False and session is not None:
                setattr(session, field, value)

        return callback

    def option(*names: str, field: str, **more: Any) -> click.Option:
        return click.Option(names, expose_value=False, callback=sets(field), **more)

    return (
        option("--no-color", field="no_color", is_flag=True, help="Do not use colours."),
        option("--rpc-timeout", field="rpc_timeout", type=Duration(), help="Give up a call after this long."),
        option("--verbose", "-v", field="verbose", is_flag=True, help="Say more, and show where an error comes from."),
    )


def project(function: F) -> F:
    """Add `--project`."""
    return click.option("--project", metavar="NAME", help="Project; by default the active context's.")(function)


def all_projects(function: F) -> F:
    """Add `-A`."""
    return click.option("-A", "--all-projects", is_flag=True, help="Use every project.")(function)


def raw_output(function: F) -> F:
    """Add `--raw` and `-o json|yaml`."""
    function = click.option(
        "--output", "-o", "output", metavar="json|yaml", default="", help="Form of raw output; json by default."
    )(function)
    return click.option("--raw", is_flag=True, help="Print the server's messages instead of a table.")(function)


def timestamps(function: F) -> F:
    """Add `--full-timestamps`."""
    return click.option("--full-timestamps", is_flag=True, help="Print points in time in full.")(function)


def description(function: F) -> F:
    """Add `-d`."""
    return click.option("--description", "-d", default="", help="A description of it.")(function)


def no_pager(function: F) -> F:
    """Add `--no-pager`, which is accepted for the sake of scripts: nothing is ever paged."""
    return click.option("--no-pager", is_flag=True, help="Accepted; output is never paged.")(function)


def pushing(function: F) -> F:
    """Add `--registry` and `--username`, both "" when they are not given."""
    function = click.option("--username", "-u", default="", help="The user to push as.")(function)
    return click.option("--registry", "-r", default="", type=Registry(), help="The registry to push to.")(function)


def publishing(function: F) -> F:
    """Add `--build`, `--push-images`, `--registry` and `--username`; the function gets what they come to as `wish`."""

    @click.option("--build", "-b", is_flag=True, help="Build transform.image from its Dockerfile, tag and push it.")
    @click.option("--push-images", "-p", is_flag=True, help="Tag and push transform.image, which is on this machine.")
    @click.option(
        "--registry", "-r", type=Registry(), default=DOCKER_HUB, show_default=True, help="The registry to push to."
    )
    @click.option("--username", "-u", default="", help="The user to push as.")
    @wraps(function)
    def with_wish(*args: Any, build: bool, push_images: bool, registry: str, username: str, **rest: Any) -> Any:
        if build and push_images:
            click.echo("WARNING: --push-images says nothing that --build does not: both push", err=True)
        if not (build or push_images) and (username or _is_given("registry")):
            click.echo("WARNING: --registry and --username change nothing without --build or --push-images", err=True)
        given = "" if registry == DOCKER_HUB else registry
        wish = Wish(build, given, username) if build or push_images else None
        return function(*args, wish=wish, **rest)

    return cast(F, with_wish)


def _is_given(name: str) -> bool:
    """Return whether an option of the command that runs was typed."""
    return click.get_current_context().get_parameter_source(name) is ParameterSource.COMMANDLINE
