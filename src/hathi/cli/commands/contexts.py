"""The configuration of pachctl, and the contexts in it: each names a server and what to remember of it."""

from __future__ import annotations

import json

import click

from hathi.cli import fetching
from hathi.cli.config import SOURCE_IMPORTED, Context
from hathi.cli.errors import CliError
from hathi.cli.grammar import command
from hathi.cli.placing import STDIN
from hathi.cli.render import tables
from hathi.cli.session import Session, pass_session, require
from hathi.model.errors import InvalidError
from hathi.model.spec import load_json

NONE = "NONE"


def _address(text: str) -> str:
    """Return an address in full, or raise InvalidError."""
    from hathi.wire.address import DEFAULT_PORT, parse_address

    found = parse_address(text)
    if found.target.startswith("unix:"):
        return f"unix://{found.target.removeprefix('unix:')}"
    assert DEFAULT_PORT, "a target names its port"
    return f"{'grpcs' if found.secure else 'grpc'}://{found.target}"


@command()
@click.argument("address")
@click.option("--alias", default="", metavar="NAME", help="The name of the context; the address by default.")
@pass_session
def connect(session: Session, address: str, alias: str) -> None:
    """The context becomes the active one. An address is [scheme://]host[:port]; the port is 30650 by default."""
    full = _address(address)
    name = alias or full
    config = session.config
    known = config.contexts.get(name)
    if isinstance(known, dict) and Context(name, known).get("pachd_address") not in ("", full):
        require(alias == "", f'the context "{alias}" exists and has another address; delete it first, or choose a name')
    if not isinstance(known, dict):
        config.contexts[name] = {"source": SOURCE_IMPORTED, "pachd_address": full}
        click.echo(f"New context '{name}' created, will connect to Pachyderm at {full}")
    config.active = name
    config.write()
    click.echo(f"Context '{name}' set as active")


@command()
@pass_session
def config_get_metrics(session: Session) -> None:
    """Kept for the original's sake: nothing is ever sent."""
    click.echo(str(session.config.metrics).lower())


@command()
@click.argument("value", metavar="true|false")
@pass_session
def config_set_metrics(session: Session, value: str) -> None:
    """Kept for the original's sake: nothing is ever sent."""
    require(value in ("true", "false"), "invalid argument; use either `true` or `false`")
    session.config.metrics = value == "true"
    session.config.write()


@command()
@pass_session
def config_get_active_context(session: Session) -> None:
    """PACH_CONTEXT overrules the file."""
    chosen = session.env.get("PACH_CONTEXT")
    if chosen:
        session.config.current(session.env)
    click.echo(chosen or session.config.active or NONE)


@command()
@click.argument("context")
@pass_session
def config_set_active_context(session: Session, context: str) -> None:
    """Commands talk to its server from now on."""
    session.config.active = context
    session.config.write()


@command()
@pass_session
def config_get_active_enterprise_context(session: Session) -> None:
    """Kept for the original's sake."""
    click.echo(session.config.active_enterprise or NONE)


@command()
@click.argument("context")
@pass_session
def config_set_active_enterprise_context(session: Session, context: str) -> None:
    """Kept for the original's sake."""
    session.config.active_enterprise = context
    session.config.write()


@command()
@click.argument("context")
@pass_session
def config_get_context(session: Session, context: str) -> None:
    """As JSON."""
    click.echo(json.dumps(session.config.require(context).data, indent=2))


@command()
@click.argument("context")
@click.option("--overwrite", is_flag=True, help="Replace a context of that name.")
@pass_session
def config_set_context(session: Session, context: str, overwrite: bool) -> None:
    """Give it as `config get context` prints it."""
    config = session.config
    require(
        overwrite or context not in config.contexts,
        f"context '{context}' already exists, use `--overwrite` if you wish to replace it",
    )
    try:
        data = load_json(fetching.read_text(STDIN))
    except InvalidError as error:
        raise CliError(f"malformed context: {error}") from error
    require(isinstance(data, dict), "malformed context: expected a JSON object")
    if address := Context(context, data).get("pachd_address"):
        data["pachd_address"] = _address(address)
    config.save(Context(context, data))


@command()
@click.argument("context", required=False)
@click.option("--pachd-address", help="Its server.")
@click.option("--cluster-name", help="Name of its Kubernetes cluster.")
@click.option("--auth-info", help="Name of the Kubernetes user.")
@click.option("--server-cas", help="Certificates to trust, in PEM, as base64.")
@click.option("--namespace", help="Namespace in the Kubernetes cluster.")
@click.option("--project", help="The project commands work in.")
@click.option("--remove-cluster-deployment-id", is_flag=True, help="Forget which cluster it belongs to.")
@pass_session
def config_update_context(
    session: Session,
    context: str | None,
    pachd_address: str | None,
    cluster_name: str | None,
    auth_info: str | None,
    server_cas: str | None,
    namespace: str | None,
    project: str | None,
    remove_cluster_deployment_id: bool,
) -> None:
    """Only what is given is changed; the active context unless another is named."""
    config = session.config
    found = config.require(context) if context else config.current(session.env)
    given = {
        "pachd_address": _address(pachd_address) if pachd_address else pachd_address,
        "cluster_name": cluster_name,
        "auth_info": auth_info,
        "server_cas": server_cas,
        "namespace": namespace,
        "project": project,
        "cluster_deployment_id": "" if remove_cluster_deployment_id else None,
    }
    for field, value in given.items():
        if value is not None:
            found.set(field, value)
    config.save(found)


@command()
@click.argument("context")
@pass_session
def config_delete_context(session: Session, context: str) -> None:
    """One that is active cannot be deleted."""
    config = session.config
    config.require(context)
    require(context not in (config.active, config.active_enterprise), "cannot delete an active context")
    del config.contexts[context]
    config.write()


@command()
@pass_session
def config_list_context(session: Session) -> None:
    """The star marks the active one, E the active enterprise one."""
    config = session.config
    active = session.env.get("PACH_CONTEXT") or config.active
    rows = [
        (f"{'E' if name == config.active_enterprise else ''}{'*' if name == active else ''}", name)
        for name in sorted(config.contexts)
    ]
    tables.table(("ACTIVE", "NAME"), rows)
