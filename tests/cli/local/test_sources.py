"""Which files a spec's code is, and when it makes an image."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from hathi.cli.local.sources import code_files, code_folder, makes_image
from hathi.cli.specs import Spec
from hathi.images.buildspec import BuildSpec


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for place in ("spec.json", "code/main.py", "docker/Mine", "docker/prog.sh"):
        (tmp_path / place).parent.mkdir(exist_ok=True)
        (tmp_path / place).touch()
    return tmp_path


def spec(folder: Path, build: BuildSpec | None = None, **transform: Any) -> Spec:
    return Spec("spec.json", {"pipeline": {"name": "p"}, "transform": transform}, {}, folder, build)


def names(files: list[Path]) -> set[str]:
    return {file.name for file in files}


def test_a_build_pipelines_code_is_its_source_folder(folder: Path) -> None:
    it = spec(folder, BuildSpec("code", "python"), dockerfile="docker/Mine")
    assert code_folder(it) == folder / "code"
    assert not makes_image(it, "docker"), "the build comes first, as in update pipeline"
    for runtime in ("docker", "process"):
        assert names(code_files(it, runtime)) == {"main.py"}


def test_an_image_with_a_dockerfile_has_its_context(folder: Path) -> None:
    it = spec(folder, dockerfile="docker/Mine")
    assert makes_image(it, "docker")
    assert names(code_files(it, "docker")) == {"Mine", "prog.sh"}


def test_an_image_without_one_is_code_enough_until_a_dockerfile_appears(folder: Path) -> None:
    it = spec(folder, image="i:1")
    assert not makes_image(it, "docker")
    assert code_files(it, "docker") == [folder / "Dockerfile"]


def test_a_process_finds_its_code_near_the_spec(folder: Path) -> None:
    (folder / "Dockerfile").touch()
    it = spec(folder, image="i:1")
    assert not makes_image(it, "process")
    assert names(code_files(it, "process")) == {"spec.json", "main.py", "Mine", "prog.sh", "Dockerfile"}


def test_a_dockerfile_that_is_missing_may_appear_anywhere(folder: Path) -> None:
    it = spec(folder, dockerfile="code/Missing")
    assert "main.py" in names(code_files(it, "docker"))
