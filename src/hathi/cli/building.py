"""Specs with `transform.build`: the code goes to the server, and one transaction sets up both pipelines."""

from __future__ import annotations

from collections.abc import Callable

import click

from hathi.cli.fingerprint import fingerprint
from hathi.cli.render import documents
from hathi.cli.session import Session, require
from hathi.cli.specs import Spec
from hathi.images import buildspec, deploying, ignore, official
from hathi.images.rewriting import BuildSpecs, rewrite
from hathi.images.source import SourceFile, check_source, list_source
from hathi.images.staging import Staged
from hathi.model.references import Pipeline
from hathi.model.spec import camel_case, parse_spec
from hathi.wire.gen import hathi_pb2

_SHOWN = 3
"""What is left out of a source folder is told by so many names."""


def deploy(session: Session, spec: Spec, form: str, *, update: bool, reprocess: bool, dry_run: bool) -> None:
    """Upload a spec's code and create or update its pipelines; on a dry run print the specs they would have."""
    assert spec.build is not None
    assert spec.folder is not None
    require(session.server.is_hathi, "build pipelines need a Hathi server; this one has no place for them")
    require(
        not session.transaction,
        "a build pipeline is set up in a transaction of its own; run: pachctl stop transaction",
    )
    pipeline = Pipeline(spec.project, spec.name)
    runtime = session.server.about.Server(hathi_pb2.ServerRequest()).runtime
    specs = rewrite(spec.data, spec.build, pipeline, runtime, official.prefix(session.env))
    for each in (specs.builder, specs.main):
        parse_spec(each)  # what is wrong shows before anything is sent
    files = code_of(spec, session.warn)
    if dry_run:
        _show(specs, form or "json")
        return
    deploying.deploy(
        session.server, pipeline, specs, files, fingerprint, update=update, reprocess=reprocess, staged=_tell
    )


def check(spec: Spec) -> None:
    """Raise what is wrong with a spec's code, of which nothing is said yet."""
    code_of(spec, lambda text: None)


def code_of(spec: Spec, warn: Callable[[str], None]) -> list[SourceFile]:
    """Return the files of a spec's source folder. Raises SourceError, also when what is needed is not among them."""
    assert spec.build is not None
    assert spec.folder is not None
    source = list_source(buildspec.folder_of(spec.build, spec.folder))
    if source.odd:
        more = f" and {len(source.odd) - _SHOWN} more" if len(source.odd) > _SHOWN else ""
        warn(
            f"left out, since they are no files: {', '.join(source.odd[:_SHOWN])}{more} "
            f"(links to folders are not followed; to hear no more of them, name them in {ignore.NAME})"
        )
    for line in source.vain:
        warn(f'{ignore.NAME}: "{line}" names a folder and leaves out no file; write "{line.rstrip("/")}/*"')
    check_source(source, official.needed(spec.build.language, spec.data["transform"]))
    return source.files


def _tell(code: Staged) -> None:
    what = f"sent {code.sent} of {code.total} files"
    gone = f", {code.deleted} deleted" if code.deleted else ""
    click.echo(f"{what}{gone}" if code.sent or code.deleted else "the code is as it was; nothing sent", err=True)


def _show(specs: BuildSpecs, form: str) -> None:
    for each in (specs.builder, specs.main):
        click.echo(documents.document(camel_case(parse_spec(each).effective), form))
