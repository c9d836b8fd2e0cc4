"""Creating, changing and checking pipelines by their specifications."""

from __future__ import annotations

import json
import os
import shlex
import subprocess
import tempfile
from pathlib import Path

import click

from hathi.cli import fetching, options, references, specs
from hathi.cli.errors import CliError
from hathi.cli.grammar import command
from hathi.cli.render import documents
from hathi.cli.session import Session, pass_session, require
from hathi.cli.submitting import Order, submit, submit_all
from hathi.images.publishing import Wish
from hathi.model.quoting import excerpt
from hathi.wire.gen import pps_pb2

_file = click.option("-f", "--file", "place", default="", metavar="SPEC", help="A path, a URL, or - (default).")
_jsonnet = click.option("--jsonnet", default="", metavar="TEMPLATE", help="A jsonnet template: a path, a URL, or -.")
_args = click.option("--arg", "args", multiple=True, metavar="NAME=VALUE", help="An argument of the template.")
_dry_run = click.option("--dry-run", is_flag=True, help="Print what the server would make of it, and change nothing.")


@command()
@_file
@_jsonnet
@_args
@options.publishing
@click.option("--backfill", is_flag=True, help="Make a job for each commit that its inputs have, oldest first.")
@_dry_run
@options.raw_output
@options.project
@pass_session
def create_pipeline(
    session: Session,
    place: str,
    jsonnet: str,
    args: tuple[str, ...],
    wish: Wish | None,
    backfill: bool,
    dry_run: bool,
    raw: bool,
    output: str,
    project: str | None,
) -> None:
    """One place may hold several specs, in JSON or YAML: documents one behind the other, or a list.

    All are checked before the first is sent. In a transaction, they are queued.
    """
    order = Order(documents.wanted(raw, output), dry_run=dry_run, backfill=backfill, wish=wish)
    submit_all(session, _read(session, place, jsonnet, args, project, order), order)


@command()
@_file
@_jsonnet
@_args
@click.option("--reprocess", is_flag=True, help="Process every datum again, also those done already.")
@options.publishing
@_dry_run
@options.raw_output
@options.project
@pass_session
def update_pipeline(
    session: Session,
    place: str,
    jsonnet: str,
    args: tuple[str, ...],
    reprocess: bool,
    wish: Wish | None,
    dry_run: bool,
    raw: bool,
    output: str,
    project: str | None,
) -> None:
    """What is done stays done unless --reprocess is given. In a transaction, it is queued."""
    order = Order(documents.wanted(raw, output), update=True, reprocess=reprocess, dry_run=dry_run, wish=wish)
    submit_all(session, _read(session, place, jsonnet, args, project, order), order)


@command()
@click.argument("pipeline")
@click.option("--reprocess", is_flag=True, help="Process every datum again, also those done already.")
@click.option("--editor", default="", help="The editor; by default $EDITOR, else vim.")
@click.option("-o", "--output", default="json", metavar="json|yaml", help="The form in which to edit.")
@options.project
@pass_session
def edit_pipeline(
    session: Session, pipeline: str, reprocess: bool, editor: str, output: str, project: str | None
) -> None:
    """What the editor leaves is submitted as an update, unless nothing was changed. In a transaction, it is queued."""
    form = documents.wanted(True, output)
    message = references.pipeline(pipeline, session.project(project))
    info = session.server.pps.InspectPipeline(pps_pb2.InspectPipelineRequest(pipeline=message, details=True))
    require(
        info.user_spec_json, f"the server has no text of the spec of {pipeline}; write one for create pipeline --update"
    )
    before = documents.document(json.loads(info.user_spec_json), form) + "\n"
    after = _edited(before, form, _words(editor or session.env.get("EDITOR") or "vim"))
    if after == before:
        click.echo("Pipeline unchanged, no update will be performed.", err=True)
        return
    for spec in specs.parse(after, pipeline, message.project.name, session.warn):
        require(spec.name == pipeline, f'the name of the pipeline was changed to "{spec.name}"; names cannot change')
        submit(session, spec, Order(update=True, reprocess=reprocess))


@command()
@_file
@options.project
@pass_session
def validate_pipeline(session: Session, place: str, project: str | None) -> None:
    """Nothing is sent: what only the server knows, such as whether a repo exists, is not checked."""
    for spec in specs.load(place or "-", session.project(project), session.warn):
        click.echo(f"{spec.source}: pipeline {spec.name} is valid")


def _read(
    session: Session, place: str, jsonnet: str, args: tuple[str, ...], project: str | None, order: Order
) -> list[specs.Spec]:
    """Return the specs. A moving tag is worth a warning only when no other tag takes its place."""
    require(not (place and jsonnet), "cannot set both --file and --jsonnet; exactly one must be set")
    require(jsonnet or not args, "--arg needs --jsonnet")
    home = session.project(project)
    if not jsonnet:
        return specs.load(place or "-", home, session.warn, tagged=order.wish is not None)
    values = {}
    for arg in args:
        name, equals, value = arg.partition("=")
        require(equals, f'invalid argument "{arg}": expected NAME=VALUE')
        values[name] = value
    request = pps_pb2.RenderTemplateRequest(template=fetching.read_text(jsonnet), args=values)
    rendered = session.server.pps.RenderTemplate(request).json
    folder = specs.folder_of(jsonnet)
    return specs.parse(rendered, jsonnet, home, session.warn, folder, tagged=order.wish is not None)


def _words(editor: str) -> list[str]:
    """Return a command for an editor in words."""
    try:
        words = shlex.split(editor)
    except ValueError as error:
        raise CliError(f'the editor "{excerpt(editor)}" is no command: {error}') from error
    require(words, "the name of the editor is empty")
    return words


def _edited(text: str, form: str, editor: list[str]) -> str:
    """Return what the editor makes of a text."""
    handle, name = tempfile.mkstemp(prefix="pipeline-", suffix=f".{form}", text=True)
    file = Path(name)
    try:
        with os.fdopen(handle, "w") as stream:
            stream.write(text)
        done = subprocess.run([*editor, name], check=False)
        require(done.returncode == 0, f"the editor {editor[0]} failed with exit code {done.returncode}")
        return fetching.read_text(name)
    except OSError as error:
        raise CliError(f"cannot run the editor {editor[0]}: {error.strerror}") from error
    finally:
        file.unlink(missing_ok=True)
