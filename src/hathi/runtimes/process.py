"""Workers as processes of this machine, user code in a sandbox of the host's own files.

The worker makes the sandbox itself, so nothing stands beside it. The spec's image is not used; whoever shows a pipeline
says so.
"""

from __future__ import annotations

import hashlib
import logging
import os
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from hathi.datum.cgroup import Cgroup
from hathi.datum.hidden import HostView, host_view
from hathi.datum.limits import Bounds, bounds
from hathi.datum.litter import remove_tree
from hathi.datum.sandbox import SandboxGone, start_sandbox
from hathi.model.errors import HathiError, UnavailableError
from hathi.runtimes.cgroups import ADVICE as CGROUP_ADVICE
from hathi.runtimes.cgroups import PREFIX, Cgroups
from hathi.runtimes.keeping.companion import Companion, Life
from hathi.runtimes.keeping.keepers import Keepers
from hathi.runtimes.keeping.place import Place
from hathi.supervision import Supervisor

log = logging.getLogger(__name__)


class ProcessRuntime(Keepers):
    """A `Runtime` of processes; safe to call from any thread."""

    name = "process"

    def __init__(
        self,
        place: Place,
        show: Iterable[Path] = (),
        supervisor: Supervisor | None = None,
        *,
        cgroups: Cgroups | None = None,
    ) -> None:
        """show: what user code may read even where it lies in /tmp, or in a home folder, which it finds empty.

        cgroups: found on this machine when None.
        """
        record = cgroup_record(place.scratch)
        left = [Path(line) for line in record.read_text().splitlines()] if record.exists() else []
        super().__init__(place, self._accompany_one, supervisor)
        self._cgroups = cgroups or Cgroups(_name(place.scratch), left=left)
        record.write_text("".join(f"{base.folder}\n" for base in self._cgroups.bases))
        self._view = host_view([*place.hide, place.scratch], show)
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

    def unenforced(self, resources: Mapping[str, Any]) -> Sequence[str]:
        """Return what of a spec's resource_limits is not kept here, and why, in words for a person."""
        limits = resources.get("resource_limits") or {}
        able = self._cgroups.able
        lacking = [name for name in ("memory", "cpu") if limits.get(name) and name not in able]
        found = [f"resource_limits.{name} is not enforced: {CGROUP_ADVICE}" for name in lacking]
        if limits.get("gpu"):
            found.append("resource_limits.gpu is not enforced: a process sees every GPU of the machine")
        return found

    def close(self) -> None:
        """Stop every worker, and remove the control groups."""
        super().close()
        self._cgroups.close()
        cgroup_record(self._place.scratch).unlink(missing_ok=True)

    def _accompany_one(self, life: Life) -> Companion:
        wanted = bounds(life.group.resources, self._place.processes)
        try:
            group = self._cgroups.make(life.name, wanted)
        except OSError as error:
            raise UnavailableError(f"cannot make a control group for a worker: {error}") from None
        return _Alone(self._place.shim, self._view, group, self._cgroups)

    def _try_sandbox(self) -> str:
        """Return why no sandbox can be made. Where one can, but in no control group, none is used from then on."""
        folder = Path(tempfile.mkdtemp(prefix="check-", dir=self._place.scratch))
        try:
            (folder / "stage").mkdir()
            problem = self._try_one(folder, self._place.processes)
            if problem and self._cgroups.bases and not self._try_one(folder, 0):
                log.warning("control groups cannot be used, so limits are not enforced: %s", problem)
                self._cgroups.give_up()
                return ""
            return problem
        finally:
            remove_tree(folder)

    def _try_one(self, folder: Path, processes: int) -> str:
        """processes: the limit in a control group; 0 is for none."""
        group = Cgroup()
        try:
            group = self._cgroups.make(folder.name, Bounds(processes=processes)) if processes else group
            start_sandbox(self._place.shim, folder / "stage", folder, self._view, group).close()
        except SandboxGone as error:
            return f"{error}. {ADVICE}"
        except (HathiError, OSError) as error:
            return str(error)
        finally:
            self._cgroups.remove(group)
        return ""


def cgroup_record(scratch: Path) -> Path:
    """Return the file that says where our control groups are, for the pachd after one that was killed."""
    return scratch.with_name(f"{scratch.name}.cgroups")


def _name(scratch: Path) -> str:
    """Return how our control groups are called: one pachd has a scratch folder, so it is one name for each."""
    return f"{PREFIX}{hashlib.sha256(os.fsencode(scratch.resolve())).hexdigest()[:12]}"


ADVICE = (
    "The process runtime needs Linux namespaces: run pachd as root, or allow them to users "
    "(sysctl -w kernel.unprivileged_userns_clone=1 user.max_user_namespaces=10000 "
    "kernel.apparmor_restrict_unprivileged_userns=0, where these exist); in a container, start that with "
    "--security-opt seccomp=unconfined --security-opt systempaths=unconfined --security-opt apparmor=unconfined"
)


class _Alone:
    """The companion of a worker that needs nothing beside it but its control group."""

    def __init__(self, shim: Path, view: HostView, group: Cgroup, groups: Cgroups) -> None:
        self._options = ["--shim", str(shim), *view.options(), *group.options()]
        self._group = group
        self._groups = groups

    def options(self) -> Sequence[str]:
        """Tell which shim to start, and what it shows of the host."""
        return self._options

    def heard(self, line: str) -> None:
        """Nothing that the keeper has not heard."""

    def close(self) -> None:
        """Remove its control group."""
        self._groups.remove(self._group)
