"""Where an image is built from: which Dockerfile, in which folder, and which files of that folder count.

The rule is that of `--build`: the Dockerfile that the spec names, or the one beside the spec; the folder it stands in
is the build context, less what a `.dockerignore` there leaves out.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from hathi.images.errors import ImageError

DOCKERFILE = "Dockerfile"

IGNORE = ".dockerignore"

FIELD = ("transform", "dockerfile")


def is_built(transform: Mapping[str, Any], folder: Path) -> bool:
    """Return whether a spec's image is one to build: its transform names a Dockerfile, or one stands in its folder."""
    return bool(transform.get("dockerfile")) or (folder / DOCKERFILE).is_file()


def context_of(transform: Mapping[str, Any], folder: Path | None) -> tuple[Path, str]:
    """Return the build context and the Dockerfile's name in it, or raise ImageError.

    folder: that the transform's `dockerfile` is relative to; None for a spec from a URL.
    """
    if folder is None:
        raise ImageError("cannot build pipeline because it is not local")
    file = folder / str(transform.get("dockerfile") or DOCKERFILE)
    if not file.is_file():
        what = "is not a file" if file.exists() else "does not exist"
        raise ImageError(f'dockerfile "{file}" {what}', FIELD if transform.get("dockerfile") else ())
    return file.parent, file.name


def context_files(context: Path, dockerfile: str) -> list[Path]:
    """Return the files that a build is given, the way in which the engine's SDK chooses them."""
    from docker.utils.build import exclude_paths

    try:
        lines = [line.strip() for line in (context / IGNORE).read_text().splitlines()]
    except OSError:
        lines = []
    rules = [line for line in lines if line and not line.startswith("#")]
    return [context / path for path in exclude_paths(str(context), rules, dockerfile)]
