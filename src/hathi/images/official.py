"""The official builders: a folder each, with the Dockerfile of the builder image and the two scripts in it.

A builder is a convention: `build.sh` in the image's working directory reads `/pfs/source` and writes what it makes to
`/pfs/out`, with a `run.sh` that starts the program and hands its arguments on. Where no engine runs images, the same
two scripts are carried to the sandbox by the pipeline itself.

The images are made by whoever runs the cluster, from those folders. What their names begin with is a setting, so that
they may come from a registry of one's own.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from hathi import __version__

FOLDER = Path(__file__).parent / "builders"
LANGUAGES = tuple(sorted(place.name for place in FOLDER.iterdir() if (place / "build.sh").is_file()))

BUILD_COMMAND = ["sh", "./build.sh"]
RUN_COMMAND = ["sh", "/pfs/build/run.sh"]

PREFIX = "hathi"
"""What the names of builder images begin with, unless `VARIABLE` says something else."""

VARIABLE = "HATHI_BUILDERS"

_NEEDED = {"go": "*.go", "python": "main.py"}
_END = "END-OF-SCRIPT"


def prefix(environment: Mapping[str, str]) -> str:
    """Return what the names of builder images begin with, such as `registry.example.com/hathi`."""
    return environment.get(VARIABLE, "").rstrip("/") or PREFIX


def image_of(language: str, prefix: str = PREFIX) -> str:
    """Return the name of a language's builder image, of this very version."""
    return f"{prefix}/{language}-build:{__version__}"


def recipe(image: str, prefix: str = PREFIX) -> str:
    """Return the command that makes an image, "" when it is not that of a builder."""
    languages = (language for language in LANGUAGES if image == image_of(language, prefix))
    return next((f"docker build -t {image} {FOLDER / language}" for language in languages), "")


def needed(language: str, transform: Mapping[str, Any]) -> str:
    """Return a glob of what must stand at the root of the source code, "" for nothing.

    What is only started, and not built, need not be there when the pipeline's own command starts something else.
    """
    own = " ".join([*(transform.get("cmd") or ()), *(transform.get("stdin") or ())])
    if language == "python" and transform.get("cmd") and RUN_COMMAND[-1] not in own:
        return ""
    return _NEEDED.get(language, "")


def carried(language: str) -> dict[str, Any]:
    """Return the parts of a transform that run a builder's scripts without its image."""
    lines = ["set -e", 'cd "$(mktemp -d)"']
    for name in ("build.sh", "run.sh"):
        lines += [f"cat > {name} <<'{_END}'", *(FOLDER / language / name).read_text().splitlines(), _END]
    return {"cmd": ["sh"], "stdin": [*lines, " ".join(BUILD_COMMAND)]}
