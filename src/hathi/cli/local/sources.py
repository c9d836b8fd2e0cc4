"""What the code of a pipeline is on this machine, so that a change of it asks for another run.

A build pipeline's code is its source folder, and that of an image with a Dockerfile its build context. An image without
one is code enough, where images are used; elsewhere the command finds its code by itself, most likely near the spec.
"""

from __future__ import annotations

from pathlib import Path

from hathi.cli.local import watching
from hathi.cli.local.rooms import PROCESS
from hathi.cli.specs import Spec
from hathi.images.buildspec import folder_of
from hathi.images.context import DOCKERFILE, context_files, context_of, is_built
from hathi.images.source import list_source
from hathi.model.errors import HathiError


def home(spec: Spec) -> Path:
    """Return the folder of a spec, which is a local file."""
    assert spec.folder is not None, "the spec is a local file"
    return spec.folder


def makes_image(spec: Spec, runtime: str) -> bool:
    """Return whether a spec's datums run in an image that is built of its code."""
    return runtime != PROCESS and spec.build is None and is_built(spec.data["transform"], home(spec))


def code_folder(spec: Spec) -> Path:
    """Return the folder in which a spec's code is, apart from images."""
    return folder_of(spec.build, home(spec)) if spec.build is not None else home(spec)


def code_files(spec: Spec, runtime: str, apart: Path | None = None) -> list[Path]:
    """Return the files whose change asks for another run. apart: a folder of results, which are no code."""
    folder, files = code_folder(spec), None
    try:
        if spec.build is not None:
            files = [file.local for file in list_source(folder).files]
        elif makes_image(spec, runtime):
            folder, dockerfile = context_of(spec.data["transform"], folder)
            files = context_files(folder, dockerfile)
        elif runtime != PROCESS:
            files = [folder / DOCKERFILE]  # which would change what the image is
    except HathiError:
        pass  # half saved: whatever is wrong with it is told when it runs
    return watching.saved_by_hand(watching.files_below(folder) if files is None else files, folder, apart)
