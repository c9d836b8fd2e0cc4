"""`pachctl ci`."""

from __future__ import annotations

import json
import secrets
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import click

from hathi.cli import options, specs
from hathi.cli.ci import report
from hathi.cli.ci.rehoming import in_order, reads_others
from hathi.cli.ci.results import Trial
from hathi.cli.ci.revision import PULL_REQUEST, checked_tag, event, revision
from hathi.cli.ci.rollout import Recipe, with_images
from hathi.cli.ci.sampling import Wanted
from hathi.cli.ci.trial import Wishes, choose, try_out
from hathi.cli.errors import CliError
from hathi.cli.grammar import command
from hathi.cli.interrupts import interrupt_on_end
from hathi.cli.placing import STDIN, is_url
from hathi.cli.publishing import publish
from hathi.cli.session import Session, pass_session, require
from hathi.cli.submitting import Order, check, submit

SHORT = 12
PULL_REQUESTS = ("test", "build", "skip")


@command()
@click.option("-f", "--file", "place", default="pipeline.json", show_default=True, metavar="SPEC", help="The spec.")
@click.option("--dockerfile", default="", metavar="FILE", help="Build from this; by default as the spec says.")
@click.option("--build/--no-build", default=None, help="Build and push the image; by default if there is a Dockerfile.")
@click.option("--image", default="", metavar="NAME", help="The image's name without tag; by default the spec's.")
@click.option("--registry", default="", type=options.Registry(), help="The registry, where the image's name has none.")
@click.option("--username", default="", help="The user to push as.")
@click.option("--tag", default="", help="The image's tag; by default the id of the Git commit.")
@click.option("--event", "why", default="", metavar="push|pull_request", help="Why; by default as GitHub says.")
@click.option(
    "--pull-request", default="test", show_default=True, metavar="|".join(PULL_REQUESTS), help="What to do for one."
)
@click.option("--sample", default=10, show_default=True, help="Datums of each input to try; 0 means all.")
@click.option("--timeout", type=options.Duration(), default="30m", show_default=True, help="Time limit of a trial.")
@click.option("--report", "page", default="", metavar="FILE", help="Write what a trial found as Markdown.")
@click.option("--junit", default="", metavar="FILE", help="Write what a trial found as JUnit XML.")
@click.option("--write-spec", default="", metavar="FILE", help="Write the spec with the image filled in.")
@click.option("--reprocess/--no-reprocess", default=False, help="Process every datum again, also those done already.")
@options.project
@pass_session
def ci(
    session: Session,
    place: str,
    dockerfile: str,
    build: bool | None,
    image: str,
    registry: str,
    username: str,
    tag: str,
    why: str,
    pull_request: str,
    sample: int,
    timeout: float,
    page: str,
    junit: str,
    write_spec: str,
    reprocess: bool,
    project: str | None,
) -> None:
    """On a push the pipelines of the spec are updated, or created. For a pull request they are tried.

    Either way, where there is a Dockerfile, the image is built, tagged with the id of the Git commit, pushed, and
    filled into the spec. A trial runs the pipelines on a sample of their input in a project of its own, writes its
    reports, and deletes the project; nothing else is changed, and the exit code says whether all went well.
    """
    require(place and place != STDIN and not is_url(place), "pachctl ci needs a spec that is a file of this machine")
    require(pull_request in PULL_REQUESTS, f"--pull-request must be one of {', '.join(PULL_REQUESTS)}")
    require(sample >= 0, "--sample must not be negative")
    interrupt_on_end()
    tried = event(why, session.env) == PULL_REQUEST
    if tried and pull_request == "skip":
        click.echo("this is a pull request: nothing to do", err=True)
        return
    folder = Path(place).absolute().parent
    at = tag or revision(session.env, folder)
    recipe = Recipe(checked_tag(at), bool(tag), build, image, registry, username, dockerfile)
    found = in_order(specs.load(place, session.project(project), session.warn, tagged=build is not False))
    wanted: Wanted = {}
    if not tried:
        _check(session, found)
    elif pull_request == "test":
        wanted = choose(session.server, found, sample)
    ready = with_images(found, recipe, lambda spec, wish: publish(session, spec, wish))
    if write_spec:
        _write(write_spec, "".join(json.dumps(spec.data, indent=2, ensure_ascii=False) + "\n" for spec in ready))
    if not tried:
        for spec in ready:
            submit(session, spec, Order(update=True, reprocess=reprocess))
            click.echo(f"updated pipeline {spec.name} ({_image(spec)})", err=True)
    elif pull_request == "test":
        images = tuple(dict.fromkeys(_image(spec) for spec in ready if spec.build is None))
        code = tuple(dict.fromkeys(spec.build.path for spec in ready if spec.build is not None))
        trial = Trial(at[:SHORT] or "the working copy", sample, images, code)
        _try(session, ready, wanted, trial, timeout, page, junit)


def _check(session: Session, found: Sequence[specs.Spec]) -> None:
    """Have the server look at specs before an image is built or the first of several pipelines is updated.

    One that reads what another one is about to make, or whose code is still to be sent, cannot be judged yet.
    """
    session.server.hello()
    for spec in found:
        if spec.build is None and not reads_others(found, spec):
            check(session, spec, Order(update=True).under(spec.modes))


def _try(
    session: Session,
    ready: Sequence[specs.Spec],
    wanted: Wanted,
    trial: Trial,
    timeout: float,
    page: str,
    junit: str,
) -> None:
    name = f"ci-{secrets.token_hex(4)}"  # short: the names of workers hold it, and may not be long
    click.echo(f"trying {', '.join(spec.name for spec in ready)} in project {name}", err=True)
    results = try_out(session.server, ready, wanted, Wishes(name, timeout), lambda spec: submit(session, spec, Order()))
    trial = replace(trial, pipelines=tuple(results))
    text = report.markdown(trial)
    click.echo(text, nl=False)
    if page:
        _write(page, text)
    if junit:
        _write(junit, report.junit(trial))
    if trial.failed:
        failed = [each.pipeline for each in results if each.failed]
        raise CliError(f"the trial failed: {', '.join(failed)}")


def _image(spec: specs.Spec) -> str:
    if spec.build is not None:
        return f"code of {spec.build.path}"
    return str(spec.data["transform"].get("image") or "no image")


def _write(place: str, text: str) -> None:
    try:
        Path(place).parent.mkdir(parents=True, exist_ok=True)
        Path(place).write_text(text)
    except OSError as error:
        raise CliError(f"cannot write {place}: {error.strerror}") from error
