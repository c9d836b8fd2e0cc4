"""Where the shim's binaries are: built from the folder `shim/` at the top of the repository, one for each machine.

They are data of this package, because user code runs in a sandbox or an image that may have nothing of ours but this
file.
"""

from __future__ import annotations

import platform
from pathlib import Path

from hathi.model.errors import PreconditionError

_MACHINES = {"x86_64": "x86_64", "amd64": "x86_64", "aarch64": "aarch64", "arm64": "aarch64"}


def binary(machine: str = "") -> Path:
    """Return the shim for `machine` (as `uname` or an image names it; "" is this one), or raise PreconditionError."""
    asked = machine or platform.machine()
    found = _MACHINES.get(asked.lower())
    if found is None:
        raise PreconditionError(f"user code cannot run on {asked}: there is a shim for x86-64 and arm64 only")
    return Path(__file__).with_name(f"hathi-shim-{found}")
