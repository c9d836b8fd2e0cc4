"""Completion of commands in a shell."""

from __future__ import annotations

from pathlib import Path

import click
from click.shell_completion import BashComplete, ShellComplete, ZshComplete

from hathi.cli.errors import CliError
from hathi.cli.grammar import command

VARIABLE = "_PACHCTL_COMPLETE"


@command()
@click.option("--install", is_flag=True, help="Write it where the shell looks, instead of printing it.")
@click.option("--path", default="/etc/bash_completion.d/pachctl", show_default=True, help="Where to install it.")
def completion_bash(install: bool, path: str) -> None:
    """To use it at once: source <(pachctl completion bash)"""
    _give(BashComplete, install, path)


@command()
@click.option("--install", is_flag=True, help="Write it where the shell looks, instead of printing it.")
@click.option("--path", default="_pachctl", show_default=True, help="Where to install it.")
def completion_zsh(install: bool, path: str) -> None:
    """Install it into a folder of $fpath."""
    _give(ZshComplete, install, path)


def _give(shell: type[ShellComplete], install: bool, path: str) -> None:
    from hathi.cli.main import root

    try:
        script = shell(root, {}, "pachctl", VARIABLE).source()
    except RuntimeError as error:
        raise CliError(str(error)) from error
    if not install:
        click.echo(script)
        return
    try:
        Path(path).write_text(script)
    except OSError as error:
        raise CliError(f"cannot write {path}: {error.strerror}; choose another place with --path") from error
    click.echo(f"Completions installed in {path}; start a new shell to use them.")
