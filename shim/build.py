"""Build the shim for every machine we support, the same bytes each time.

The compiler is Zig's, from the `ziglang` wheel, because it brings a C library to link statically for each target:
with the pinned version, the same sources give the same binaries anywhere. `--check` builds aside and compares with
what is committed.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
from pathlib import Path

ZIG = "0.13.0"
MACHINES = ("x86_64", "aarch64")
SOURCES = ("main.c", "frames.c", "sandbox.c", "run.c", "clean.c", "look.c")
HERE = Path(__file__).resolve().parent
TARGET = HERE.parent / "src" / "hathi" / "datum" / "shim"


def compiler() -> list[str]:
    """Return the command of the pinned compiler: $ZIG, or the `ziglang` package of this interpreter."""
    command = [os.environ["ZIG"]] if "ZIG" in os.environ else [sys.executable, "-m", "ziglang"]
    found = subprocess.run([*command, "version"], capture_output=True, text=True, check=False).stdout.strip()
    if found != ZIG:
        raise SystemExit(f"shim: Zig {ZIG} is needed (pip install ziglang=={ZIG}), found {found or 'none'}")
    return command


def build(machine: str, into: Path) -> Path:
    """Compile for one machine and return the binary. The sources are named relative to their folder, so that no path of
    the builder's ends up in the binary."""
    binary = into / f"hathi-shim-{machine}"
    flags = ["-std=gnu11", "-O2", "-static", "-s", "-Wall", "-Wextra", "-Werror", "-fno-sanitize=undefined", "-g0"]
    command = [*compiler(), "cc", "-target", f"{machine}-linux-musl", *flags, "-Wl,--build-id=none", "-o", str(binary)]
    subprocess.run([*command, *SOURCES], cwd=HERE, check=True)
    binary.chmod(0o755)
    return binary


def main() -> None:
    """Build into the package, or compare with it."""
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--check", action="store_true", help="compare with the committed binaries, change nothing")
    check = arguments.parse_args().check
    with tempfile.TemporaryDirectory() as folder:
        for machine in MACHINES:
            binary = build(machine, Path(folder))
            committed = TARGET / binary.name
            if not check:
                fresh = committed.with_name(f".{committed.name}.new")
                fresh.write_bytes(binary.read_bytes())
                fresh.chmod(0o755)
                fresh.replace(committed)  # the old one may be running
            elif not committed.exists() or committed.read_bytes() != binary.read_bytes():
                raise SystemExit(
                    f"shim: {committed.name} is not what its sources give; run shim/build.py and commit it"
                )


if __name__ == "__main__":
    main()
