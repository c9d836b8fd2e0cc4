"""Which of the host's files the process runtime's sandbox does not show: secrets of the people who work here.

And which it shows although they lie in /tmp, where the sandbox has an empty folder of its own.
"""

from __future__ import annotations

import os
import pwd
from collections.abc import Iterable
from pathlib import Path

SECRETS = (
    ".ssh",
    ".aws",
    ".azure",
    ".boto",
    ".docker",
    ".gnupg",
    ".kube",
    ".pachyderm",
    ".netrc",
    ".git-credentials",
    ".npmrc",
    ".pgpass",
    ".pypirc",
    ".config/containers",
    ".config/gcloud",
    ".config/gh",
    ".config/hub",
    ".config/rclone",
)
"""Where programs keep credentials, relative to a home folder."""

SYSTEM_SECRETS = ("/etc/shadow", "/etc/gshadow", "/etc/ssh", "/etc/kubernetes", "/var/run/secrets", "/run/secrets")


def homes() -> list[Path]:
    """Return the home folders of this machine's users that exist, our own first."""
    found = [Path.home(), *(Path(user.pw_dir) for user in pwd.getpwall())]
    return [home for home in dict.fromkeys(found) if home != Path("/") and home.is_dir()]


def hidden(own: Iterable[Path], homes: Iterable[Path]) -> list[Path]:
    """Return the paths to hide, without links and sorted: our `own` folders, and the secrets that exist."""
    candidates = [Path(path) for path in SYSTEM_SECRETS]
    candidates += [home / secret for home in homes for secret in SECRETS]
    existing = [path for path in candidates if _exists(path)]
    return sorted({Path(os.path.realpath(path)) for path in [*own, *existing]})


def shown(wanted: Iterable[Path]) -> list[Path]:
    """Return the entries of /tmp, sorted, below which the `wanted` folders lie; others are shown anyway."""
    real = [Path(os.path.realpath(path)).parts for path in wanted]
    return sorted({Path(*parts[:3]) for parts in real if parts[1:2] == ("tmp",) and len(parts) > 2})


def _exists(path: Path) -> bool:
    try:
        path.lstat()
    except OSError:  # also where we may not look: user code may not either
        return False
    return True
