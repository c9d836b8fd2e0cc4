"""What a command knows of its surroundings: environment, configuration, global flags, and the server.

One session lives as long as one run of pachctl. Everything in it is made when it is first asked for, so that a command
that needs no server loads nothing that speaks to one.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import cached_property
from typing import TYPE_CHECKING

import click

from hathi.cli.config import Config, Context, path_of
from hathi.cli.errors import CliError, one_line
from hathi.model.errors import HathiError

if TYPE_CHECKING:
    from hathi.cli.connection import Server

DEFAULT_PROJECT = "default"


class Session:
    """One run of pachctl."""

    def __init__(self, env: Mapping[str, str]) -> None:
        self.env = env
        self.verbose = False
        self.no_color = bool(env.get("NO_COLOR"))
        self.rpc_timeout = 0.0

    @cached_property
    def config(self) -> Config:
        """The configuration file."""
        return Config.read(path_of(self.env))

    @property
    def context(self) -> Context:
        """The context that is in force."""
        return self.config.current(self.env)

    def project(self, given: str | None = None) -> str:
        """Return the project that a command works in: as given, else the context's, else `default`."""
        return given or self.context.get("project") or DEFAULT_PROJECT

    @cached_property
    def server(self) -> Server:
        """The server; the connection is made by the first call."""
        from hathi.cli import connection

        return connection.open_server(self.env, self.context, self.rpc_timeout)

    @property
    def transaction(self) -> str:
        """Id of the active transaction, or ""."""
        return self.context.get("active_transaction")

    def set_transaction(self, id: str) -> None:
        """Remember the active transaction in the context; "" forgets it."""
        context = self.context
        context.set("active_transaction", id)
        self.config.save(context)

    @contextmanager
    def change(self) -> Iterator[Server]:
        """Give the server for one change: when a transaction is active the change is queued in it, and that is said."""
        id = self.transaction
        if not id:
            yield self.server
            return
        self.server.active_transaction = id
        try:
            yield self.server
        finally:
            self.server.active_transaction = ""
        click.echo(f"Added to transaction: {id}", err=True)

    @property
    def color(self) -> bool:
        """Whether output may be coloured: on a terminal, unless told otherwise."""
        return not self.no_color and sys.stdout.isatty()

    def confirm(self, question: str = "Are you sure you want to do this?") -> bool:
        """Ask on standard error; only y and Y mean yes."""
        click.echo(f"{question} (y/N): ", err=True, nl=False)
        answer = sys.stdin.readline()
        return answer.strip() in ("y", "Y")

    def warn(self, text: str) -> None:
        """Print a warning."""
        click.echo(f"WARNING: {one_line(text)}", err=True)

    def explain(self, error: HathiError) -> str:
        """Return an error's text for a person."""
        return self.server.explain(error) if "server" in self.__dict__ else str(error)

    def close(self) -> None:
        """Close the connection if there is one."""
        if "server" in self.__dict__:
            self.server.close()


def require(condition: object, text: str) -> None:
    """Raise CliError with `text` unless the condition holds."""
    if not condition:
        raise CliError(text)


pass_session = click.make_pass_decorator(Session)
