"""The official builders: a folder each, with the Dockerfile of the builder image and the two scripts in it.

A builder is a convention: `build.sh` in the image's working directory reads `/pfs/source` and writes what it makes to
`/pfs/out`, with a `run.sh` that starts the program and hands its arguments on. Where no engine runs images, the same
two scripts are carried to the sandbox by the pipeline itself.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from hathi import __version__

FOLDER = Path(__file__).parent / "builders"
LANGUAGES = tuple(sorted(place.name for place in FOLDER.iterdir() if (place / "build.sh").is_file()))

BUILD_COMMAND = ["sh", "./build.sh"]
RUN_COMMAND = ["sh", "/pfs/build/run.sh"]

_END = "END-OF-SCRIPT"


def image_of(language: str) -> str:
    """Return the name of a language's builder image, of this very version."""
    return f"hathi/{language}-build:{__version__}"


def carried(language: str) -> dict[str, Any]:
    """Return the parts of a transform that run a builder's scripts without its image."""
    lines = ["set -e", 'cd "$(mktemp -d)"']
    for name in ("build.sh", "run.sh"):
        lines += [f"cat > {name} <<'{_END}'", *(FOLDER / language / name).read_text().splitlines(), _END]
    return {"cmd": ["sh"], "stdin": [*lines, " ".join(BUILD_COMMAND)]}
