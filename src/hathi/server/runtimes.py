"""Which runtime a server has: the one its settings name, or the best that worked when its root folder was first used.

What was chosen then stays, because a pipeline's results depend on where its code runs: an engine that is installed
later, or is down when pachd starts, changes nothing.
"""

from __future__ import annotations

from hathi.engine.docker import Engine
from hathi.model.errors import HathiError
from hathi.runtimes.docker.runtime import DockerRuntime
from hathi.runtimes.external import ExternalRuntime
from hathi.runtimes.interface import Runtime
from hathi.runtimes.keeping.place import Place
from hathi.runtimes.process import ProcessRuntime
from hathi.server import root_folder
from hathi.server.config import RUNTIMES, Settings
from hathi.supervision import Supervisor


def chosen(settings: Settings) -> str:
    """Return the name of the runtime; `auto` is decided once for a root folder."""
    if settings.runtime != "auto":
        return settings.runtime
    choices = tuple(name for name in RUNTIMES if name != "auto")
    about = f"the runtime that its pipelines were made for ({' or '.join(choices)})"
    return root_folder.decided(settings.root / "runtime", choices, best, about)


def best() -> str:
    """Return the name of the best runtime that works here and now."""
    try:
        Engine().ping()
    except HathiError:
        return ProcessRuntime.name
    return DockerRuntime.name


def make(settings: Settings, place: Place, cluster: str, supervisor: Supervisor) -> Runtime:
    """Return the server's runtime. cluster: the id of what is stored in the root folder."""
    name = chosen(settings)
    if name == DockerRuntime.name:
        return DockerRuntime(place, cluster, supervisor=supervisor)
    if name == ExternalRuntime.name:
        return ExternalRuntime(supervisor=supervisor)
    return ProcessRuntime(place, show=settings.show, supervisor=supervisor)
