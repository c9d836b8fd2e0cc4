"""From one spec with a `build` to the two specs that the server is given: who builds, and who runs what was built."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from hathi.images.buildspec import BuildSpec
from hathi.images.errors import BuildError
from hathi.images.official import BUILD_COMMAND, PREFIX, RUN_COMMAND, carried, image_of
from hathi.model.builds import BUILD, PREVIOUS, SOURCE, builder_of
from hathi.model.references import Pipeline
from hathi.model.spec import translate

PROCESS = "process"
"""The runtime that runs commands without images."""

_SHARED = ("env", "secrets", "image_pull_secrets")
"""What the builder gets of the pipeline's own transform: to reach a package index or a registry may need them."""


@dataclass(frozen=True, slots=True)
class BuildSpecs:
    """builder: of the pipeline that builds. main: of the pipeline itself, which runs what was built."""

    builder: dict[str, Any]
    main: dict[str, Any]


def rewrite(
    spec: Mapping[str, Any], build: BuildSpec, pipeline: Pipeline, runtime: str, prefix: str = PREFIX
) -> BuildSpecs:
    """Return both specs. spec: the user's, without `build`. runtime: that of the server.
    prefix: of the names of official builder images.

    Raises BuildError: the runtime uses no images, and the builder is one.
    """
    modern, _ = translate(spec)
    transform = modern["transform"]
    image = image_of(build.language, prefix) if build.language else build.image
    code = builder_of(pipeline)

    def leaf(branch: str, **more: Any) -> dict[str, Any]:
        return {"pfs": {"name": branch, "repo": code.name, "branch": branch, "glob": "/", **more}}

    project = {"name": pipeline.project}
    builder = {
        "pipeline": {"name": code.name, "project": project},
        "description": f"Builds the code of pipeline {pipeline.name}.",
        "transform": {
            **{key: value for key, value in transform.items() if key in _SHARED},
            "image": image,
            **_command(build, runtime),
        },
        "parallelism_spec": {"constant": 1},
        "datum_tries": 1,  # what does not compile does not compile the third time either
        "input": {"cross": [leaf(SOURCE), leaf(PREVIOUS, reference=True, propagation_spec={"never": True})]},
        "output_branch": BUILD,
    }
    main = {
        **modern,
        "pipeline": {"name": pipeline.name, "project": project},
        "transform": {
            **transform,
            "image": transform.get("image") or image,
            "cmd": transform.get("cmd") or RUN_COMMAND,
        },
        "input": {"cross": [leaf(SOURCE), leaf(BUILD), modern["input"]]},
    }
    return BuildSpecs(builder, main)


def _command(build: BuildSpec, runtime: str) -> dict[str, Any]:
    if runtime != PROCESS:
        return {"cmd": BUILD_COMMAND}
    if not build.language:
        raise BuildError(
            f"this server runs pipelines as processes, without images, so it cannot run the builder {build.image}; "
            "give a build `language`, or run pachd with a container engine"
        )
    return carried(build.language)
