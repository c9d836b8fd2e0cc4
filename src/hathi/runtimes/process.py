"""Workers as processes of this machine, user code in a sandbox of the host's own files.

The worker makes the sandbox itself, so nothing stands beside it. The spec's image is not used; whoever shows a pipeline
says so.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterable, Sequence
from pathlib import Path

from hathi.datum.hidden import HostView, host_view
from hathi.datum.litter import remove_tree
from hathi.datum.sandbox import SandboxGone, start_sandbox
from hathi.model.errors import HathiError
from hathi.runtimes.keeping.keepers import Keepers
from hathi.runtimes.keeping.place import Place
from hathi.supervision import Supervisor


class ProcessRuntime(Keepers):
    """A `Runtime` of processes; safe to call from any thread."""

    name = "process"

    def __init__(self, place: Place, show: Iterable[Path] = (), supervisor: Supervisor | None = None) -> None:
        """show: what user code may read even where it lies in /tmp, or in a home folder, which it finds empty."""
        view = host_view([*place.hide, place.scratch], show)
        super().__init__(place, lambda life: _Alone(place.shim, view), supervisor)
        self._view = view
        self._able = False

    def check(self) -> str:
        """Return "" when a sandbox can be made here, else what is missing; remembered once it can."""
        if not self._able:
            problem = self._try_sandbox()
            self._able = not problem
            return problem
        return ""

    def engine(self) -> str:
        """Return that there is none."""
        return ""

    def _try_sandbox(self) -> str:
        folder = Path(tempfile.mkdtemp(prefix="check-", dir=self._place.scratch))
        try:
            (folder / "stage").mkdir()
            start_sandbox(self._place.shim, folder / "stage", folder, self._view).close()
        except SandboxGone as error:
            return f"{error}. {ADVICE}"
        except HathiError as error:
            return str(error)
        finally:
            remove_tree(folder)
        return ""


ADVICE = (
    "The process runtime needs Linux namespaces: run pachd as root, or allow them to users "
    "(sysctl -w kernel.unprivileged_userns_clone=1 user.max_user_namespaces=10000 "
    "kernel.apparmor_restrict_unprivileged_userns=0, where these exist); in a container, start that with "
    "--security-opt seccomp=unconfined --security-opt systempaths=unconfined --security-opt apparmor=unconfined"
)


class _Alone:
    """The companion of a worker that needs none."""

    def __init__(self, shim: Path, view: HostView) -> None:
        self._options = ["--shim", str(shim), *view.options()]

    def options(self) -> Sequence[str]:
        """Tell which shim to start, and what it shows of the host."""
        return self._options

    def heard(self, line: str) -> None:
        """Nothing that the keeper has not heard."""

    def close(self) -> None:
        """Nothing is left of it."""
