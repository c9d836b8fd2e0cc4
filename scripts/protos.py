"""Generate src/hathi/wire/gen from src/hathi/wire/proto; with --check, say whether what is committed is what comes
out.

protoc writes absolute imports between the modules of one run, as if they stood at the top of the path; ours stand
in a package, so those lines are made to name it. Everything in the folder is replaced, so a removed .proto leaves
nothing behind.
"""

from __future__ import annotations

import argparse
import filecmp
import os
import re
import shutil
import sys
import tempfile
from pathlib import Path

import google.protobuf
from grpc_tools import protoc

ROOT = Path(__file__).resolve().parent.parent
PROTO = ROOT / "src/hathi/wire/proto"
GEN = ROOT / "src/hathi/wire/gen"
HEAD = '"""Generated from hathi/wire/proto by scripts/protos.py; do not edit."""\n'

_IMPORT = re.compile(r"^import (\w+_pb2(?:_grpc)?)( as \w+)?$", re.MULTILINE)


def generate(target: Path) -> None:
    """Write the modules and stubs of every .proto file into the empty folder `target`."""
    well_known = Path(google.protobuf.__file__).parent.parent
    tools = Path(protoc.__file__).parent / "_proto"
    files = sorted(path.name for path in PROTO.glob("*.proto"))
    outs = [f"--python_out={target}", f"--grpc_python_out={target}"]
    outs += [f"--mypy_out=quiet:{target}", f"--mypy_grpc_out=quiet:{target}"]
    programs = Path(sys.executable).parent  # mypy-protobuf's plugins stand beside this interpreter
    os.environ["PATH"] = f"{programs}{os.pathsep}{os.environ.get('PATH', '')}"
    status = protoc.main(["protoc", f"-I{PROTO}", f"-I{tools}", f"-I{well_known}", *outs, *files])
    if status != 0:
        sys.exit(f"protoc failed with status {status}")
    for path in target.iterdir():
        path.write_text(_IMPORT.sub(r"from hathi.wire.gen import \1\2", path.read_text()))
    (target / "__init__.py").write_text(HEAD)


def main() -> None:
    """Replace the generated package, or compare it with what would be generated."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--check", action="store_true", help="change nothing; fail when the committed code is stale")
    check = options.parse_args().check
    with tempfile.TemporaryDirectory() as folder:
        fresh = Path(folder)
        generate(fresh)
        names = sorted({path.name for path in (*fresh.iterdir(), *GEN.glob("*.py*"))})
        if check:
            _, stale, missing = filecmp.cmpfiles(fresh, GEN, names, shallow=False)
            if stale or missing:
                sys.exit(f"stale generated code, run scripts/protos.py: {', '.join([*stale, *missing])}")
            return
        shutil.rmtree(GEN, ignore_errors=True)
        GEN.mkdir()
        for name in names:
            if (fresh / name).exists():
                shutil.copyfile(fresh / name, GEN / name)


if __name__ == "__main__":
    main()
