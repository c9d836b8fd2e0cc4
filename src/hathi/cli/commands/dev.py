"""`pachctl dev`."""

from __future__ import annotations

from pathlib import Path

import click

from hathi.cli import options, specs
from hathi.cli.grammar import command
from hathi.cli.interrupts import interrupt_on_end
from hathi.cli.local.bench import Bench
from hathi.cli.local.plans import Planner
from hathi.cli.local.rooms import defaults
from hathi.cli.local.sources import makes_image
from hathi.cli.placing import STDIN, is_url
from hathi.cli.session import Session, pass_session, require
from hathi.cli.submitting import Order, submit
from hathi.images.publishing import Wish, must_travel
from hathi.model.images import DOCKER_HUB
from hathi.wire.gen import hathi_pb2


@command()
@click.option("-f", "--file", "place", required=True, metavar="SPEC", help="The spec, a file of this machine.")
@click.option("-w", "--watch", is_flag=True, help="Run again whenever the code or the spec is saved.")
@click.option("--datum", default="", metavar="ID", help="The datum to run: the beginning of its id; else the first.")
@click.option("--all", "every", is_flag=True, help="Run all datums of the input.")
@click.option("--apply", is_flag=True, help="When all went well, update the pipeline, or create it.")
@options.pushing
@click.option("-o", "--output", default="", metavar="DIR", help="Keep what the datums make in this folder.")
@options.project
@pass_session
def dev(
    session: Session,
    place: str,
    watch: bool,
    datum: str,
    every: bool,
    apply: bool,
    registry: str,
    username: str,
    output: str,
    project: str | None,
) -> None:
    """The code is the one on this machine, the datums those that the spec's input has on the server now.

    What they make is shown and not committed; what they print goes to standard error. The code of a build pipeline is
    its source folder, and it is built again only when what the build follows from has changed, such as
    requirements.txt. Where pipelines run in containers and the spec has a Dockerfile, as update pipeline --build finds
    it, its image is built, and built again when a file of its folder is saved; any other image is run as it is. Where
    they run as processes, a command must find its code by itself, and the spec's folder is watched.

    With --apply an image is built and pushed as by update pipeline --build. It is not pushed when its name says no
    registry, --registry neither, and the server uses the very engine of this machine.
    """
    require(place != STDIN and not is_url(place), "pachctl dev needs a spec that is a file of this machine")
    require(not (datum and every), "cannot set both --datum and --all; at most one may be set")
    require(not (watch and apply), "cannot set both --watch and --apply; stop watching, then apply")
    require(apply or not (registry or username), "--registry and --username say how to push, which --apply does")
    interrupt_on_end()
    home = session.project(project)
    about = defaults(session)

    def read() -> specs.Spec:
        (spec, *more) = specs.load(place, home, lambda _: None, tagged=True)
        require(not more, f"{place} holds {len(more) + 1} specs; expected one")
        (spec,) = specs.load(place, home, session.warn, tagged=makes_image(spec, about.runtime))
        return spec

    require(Path(place).is_file(), f"{place} is not a file")
    planner = Planner(session, about.runtime, every=every, datum=datum)
    folder = Path(place).absolute().parent
    with Bench(session, about.runtime, planner, folder, Path(output).absolute() if output else None) as bench:
        if watch:
            bench.watch(Path(place).absolute(), read)
        spec = read()
        bench.run(spec)
        if apply:
            wish = _wish(session, spec, about, registry, username) if makes_image(spec, about.runtime) else None
            submit(session, spec, Order(update=True, wish=wish))
            click.echo(f"pipeline {spec.name} is updated", err=True)


def _wish(session: Session, spec: specs.Spec, about: hathi_pb2.ServerResponse, registry: str, username: str) -> Wish:
    """Return how a spec's image gets to the server."""
    from hathi.engine.docker import Engine  # brings the SDK, which takes long to load

    image = str(spec.data["transform"].get("image") or "")
    push = must_travel(image, bool(registry or username), Engine(session.env).id(), about.engine)
    return Wish(True, "" if registry == DOCKER_HUB else registry, username, push=push)
