"""The entry point of `pachctl`: run a command, print what went wrong in one line, and answer with an exit code.

Exit codes: 0 when it worked, 1 for every failure, 130 when interrupted; a shell that was opened gives its own.
Nothing but results goes to standard output.
"""

from __future__ import annotations

import os
import sys
import warnings
from collections.abc import Mapping, Sequence

import click

from hathi.cli.errors import SilentFailure, not_text, one_line
from hathi.cli.grammar import Root, commands_with
from hathi.cli.session import Session
from hathi.model.errors import HathiError

FAILURE = 1
INTERRUPTED = 130

INTRODUCTION = """Versioned data and pipelines over it.

The server is found through PACHD_ADDRESS, the active context (pachctl connect ADDRESS makes one), or localhost:30650.
"""

root = Root(name="pachctl", help=INTRODUCTION, no_args_is_help=True)


def run(args: Sequence[str], env: Mapping[str, str]) -> int:
    """Run one command line and return the exit code."""
    session = Session(env)
    try:
        root.main(list(args), prog_name="pachctl", obj=session, standalone_mode=False)
        return 0
    except click.exceptions.NoArgsIsHelpError as shown:
        click.echo(shown.message)
        return 0
    except click.exceptions.Exit as exit:
        return exit.exit_code
    except click.NoSuchOption as error:
        click.echo(one_line(f"unknown flag: {error.option_name}{_hint(error)}"), err=True)
    except click.ClickException as error:
        click.echo(one_line(error.format_message()), err=True)
    except SilentFailure as error:
        return error.exit_code
    except HathiError as error:
        click.echo(one_line(session.explain(error)), err=True)
        if session.verbose:
            _show_origin()
    except UnicodeEncodeError as error:
        click.echo(not_text(error), err=True)
    except (KeyboardInterrupt, click.Abort):
        click.echo("interrupted", err=True)
        return INTERRUPTED
    except BrokenPipeError:
        _silence_output()
    finally:
        session.close()
    return FAILURE


def _hint(error: click.NoSuchOption) -> str:
    """Say which command a flag is of, when only one for the same resource have it; else what comes near."""
    owners = commands_with(error.option_name, (error.ctx and error.ctx.command.name) or "")
    if len(owners) == 1:
        return f"; it belongs to pachctl {owners[0]}"
    return f", did you mean {' or '.join(error.possibilities)}?" if error.possibilities else ""


def _show_origin() -> None:
    import traceback

    click.echo(traceback.format_exc(), err=True, nl=False)


def _silence_output() -> None:
    """Whoever read our output has gone; keep the interpreter from complaining when it flushes at exit."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def main() -> None:
    """Run `pachctl` with the arguments and environment of this process."""
    os.environ.setdefault("GRPC_VERBOSITY", "NONE")  # what goes wrong is told once, and by us
    if not sys.warnoptions:
        warnings.simplefilter("ignore")  # of libraries, with the places of their code
    sys.exit(run(sys.argv[1:], os.environ))
