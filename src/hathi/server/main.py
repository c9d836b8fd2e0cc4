"""pachd: reads the settings, composes the server, says where it listens, and stops cleanly on SIGTERM or SIGINT."""

from __future__ import annotations

import os
import queue
import signal
import sys
import threading
from pathlib import Path

import click

from hathi import __version__
from hathi.datum.limits import MAX_PROCESSES
from hathi.model.errors import HathiError, InvalidError, PreconditionError, UnavailableError
from hathi.model.names import is_name
from hathi.server.config import LOG_FORMATS, RUNTIMES, Settings, default_root

STOP_SECONDS = 60.0
"""How long a stop may take: longer than all parts wait for their work together, so that this is never the usual end."""

EXIT_SECONDS = 10.0
"""How long the process may then take to exit."""


@click.command(context_settings={"help_option_names": ["-h", "--help"], "show_default": True})
@click.option(
    "--root",
    envvar="HATHI_ROOT",
    type=click.Path(path_type=Path),
    help="The one folder that holds everything.  [default: ~/.hathi]",
)
@click.option("--host", envvar="HATHI_HOST", default="127.0.0.1", help="Address to listen on.")
@click.option(
    "--insecure",
    envvar="HATHI_INSECURE",
    is_flag=True,
    help="Listen on an address that other machines reach, where everybody may do everything.",
)
@click.option(
    "--worker-token",
    metavar="[PROJECT/]PIPELINE",
    help="Print the token with which hathi-worker may work for a pipeline, and exit.",
)
@click.option(
    "--port", envvar="HATHI_PORT", type=click.IntRange(0, 65535), default=30650, help="gRPC port; 0 picks a free one."
)
@click.option(
    "--runtime", envvar="HATHI_RUNTIME", type=click.Choice(RUNTIMES), default="auto", help="What runs user code."
)
@click.option(
    "--log-format",
    envvar="HATHI_LOG_FORMAT",
    type=click.Choice(LOG_FORMATS),
    default="text",
    help="Form of the log on standard error.",
)
@click.option(
    "--database", envvar="HATHI_DATABASE", default="", help="Database URL.  [default: a SQLite file in the root folder]"
)
@click.option(
    "--show",
    envvar="HATHI_SHOW",
    multiple=True,
    type=click.Path(path_type=Path, exists=True, file_okay=False),
    help="Folder in /tmp or in a home folder that the process runtime lets user code read; these appear empty"
    " otherwise, but for programs on PATH. Repeatable.",
)
@click.option(
    "--fetch-allow",
    envvar="HATHI_FETCH_ALLOW",
    multiple=True,
    metavar="NETWORK",
    help="Network, such as 127.0.0.1/32, that a put of a URL may reach although it is loopback or link-local; none: "
    "no URLs are put. Repeatable.",
)
@click.option(
    "--stream-idle",
    envvar="HATHI_STREAM_IDLE",
    type=float,
    default=1800.0,
    help="Seconds after which an upload or download is ended whose client sends and reads nothing.",
)
@click.option(
    "--max-workers",
    envvar="HATHI_MAX_WORKERS",
    type=int,
    default=0,
    help="Workers that this machine runs at a time, shared by all pipelines.  [default: what fits its processors and"
    " memory]",
)
@click.option(
    "--max-processes",
    envvar="HATHI_MAX_PROCESSES",
    type=int,
    default=MAX_PROCESSES,
    show_default=True,
    help="Processes and threads that the commands of one worker may have, where that can be enforced; 0 for any.",
)
@click.option(
    "--gc-interval",
    envvar="HATHI_GC_INTERVAL",
    type=float,
    default=3600.0,
    show_default=True,
    help="Most seconds between two garbage collections while anything changes; 0: only when `pachctl gc` asks.",
)
@click.option(
    "--log-days",
    envvar="HATHI_LOG_DAYS",
    type=float,
    default=30.0,
    show_default=True,
    help="Days after which lines of user code's logs are deleted.",
)
@click.option(
    "--log-megabytes",
    envvar="HATHI_LOG_MEGABYTES",
    type=int,
    default=1024,
    show_default=True,
    help="Size beyond which the oldest lines of a pipeline's log are deleted.",
)
@click.version_option(__version__, prog_name="pachd")
def main(
    root: Path | None,
    host: str,
    insecure: bool,
    worker_token: str | None,
    port: int,
    runtime: str,
    log_format: str,
    database: str,
    show: tuple[Path, ...],
    fetch_allow: tuple[str, ...],
    stream_idle: float,
    max_workers: int,
    max_processes: int,
    gc_interval: float,
    log_days: float,
    log_megabytes: int,
) -> None:
    """Serve versioned data and pipelines over Pachyderm 2.12's gRPC API."""
    settings = Settings(
        root=(root or default_root(os.environ)).absolute(),
        host=host,
        insecure=insecure,
        port=port,
        runtime=runtime,
        log_format=log_format,
        database=database,
        show=show,
        fetch_allow=fetch_allow,
        stream_idle=stream_idle,
        max_workers=max_workers,
        max_processes=max_processes,
        gc_interval=gc_interval,
        log_days=log_days,
        log_megabytes=log_megabytes,
    )
    try:
        if worker_token is None:
            os.umask(0o077)  # what is stored is nobody else's to read
            run(settings.checked())
            _end_by_force(EXIT_SECONDS)  # a thread that hangs in a system call would hold up the interpreter
        else:
            click.echo(token(settings, worker_token))
    except HathiError as error:
        click.echo(f"pachd: {error}", err=True)
        sys.exit(1)


def token(settings: Settings, pipeline: str) -> str:
    """Return the token for the workers of a pipeline, `[project/]name`. PreconditionError before the first start."""
    from hathi.model.references import DEFAULT_PROJECT
    from hathi.model.worker_tokens import WorkerTokens
    from hathi.server import worker_key

    if not (settings.root / worker_key.NAME).exists():
        raise PreconditionError(f"{settings.root} has no key for workers yet: start pachd there once")
    group = pipeline if "/" in pipeline else f"{DEFAULT_PROJECT}/{pipeline}"
    if group.count("/") != 1 or not all(map(is_name, group.split("/"))):
        raise InvalidError(f"--worker-token {pipeline}: must be the name of a pipeline, or PROJECT/NAME")
    return WorkerTokens(worker_key.load(settings.root)).issue(group)


def run(settings: Settings) -> None:
    """Serve until a signal comes. Raises HathiError when the server cannot start."""
    from hathi.server.compose import Server
    from hathi.server.memory import bound_arenas

    bound_arenas()
    # Not an event: a handler runs in the thread that waits, and would wait for the event's lock where that holds it.
    told: queue.SimpleQueue[int | str] = queue.SimpleQueue()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda number, _: told.put(number))
    server = Server(settings, told.put)
    try:
        address = server.start()
        click.echo(f"pachd {__version__} serves {settings.root} at grpc://{address}")
        sys.stdout.flush()
        if isinstance(reason := told.get(), str):
            raise UnavailableError(reason)
    finally:
        force = _end_by_force(STOP_SECONDS)
        server.stop()
        force.cancel()


def _end_by_force(seconds: float) -> threading.Timer:
    """End this process after so many seconds if it has not ended by then. Whatever it does, nothing is lost by that."""

    def end() -> None:
        click.echo(f"pachd: not stopped within {seconds:g} s; what is still at work ends now", err=True)
        os._exit(1)

    timer = threading.Timer(seconds, end)
    timer.daemon = True
    timer.start()
    return timer


if __name__ == "__main__":
    main()
