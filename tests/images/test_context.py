"""Which Dockerfile is built, and which files of its folder count."""

from __future__ import annotations

from pathlib import Path

import pytest

from hathi.images.context import context_files, context_of, is_built
from hathi.images.errors import ImageError


def test_an_image_is_built_when_a_dockerfile_is_named_or_stands_beside_the_spec(tmp_path: Path) -> None:
    assert not is_built({}, tmp_path)
    assert is_built({"dockerfile": "missing"}, tmp_path), "which is then an error to be told"
    (tmp_path / "Dockerfile").touch()
    assert is_built({}, tmp_path)


def test_the_context_is_the_folder_of_the_dockerfile(tmp_path: Path) -> None:
    (tmp_path / "docker").mkdir()
    (tmp_path / "docker" / "Mine").touch()
    assert context_of({"dockerfile": "docker/Mine"}, tmp_path) == (tmp_path / "docker", "Mine")
    with pytest.raises(ImageError, match="does not exist"):
        context_of({}, tmp_path)


def test_what_dockerignore_leaves_out_does_not_count(tmp_path: Path) -> None:
    for place in ("Dockerfile", "main.py", "data/big", "data/small", "sub/notes.md"):
        (tmp_path / place).parent.mkdir(exist_ok=True)
        (tmp_path / place).touch()
    (tmp_path / ".dockerignore").write_text("# not these\n\ndata\n!data/small\n**/*.md\nDockerfile\n")
    files = {str(file.relative_to(tmp_path)) for file in context_files(tmp_path, "Dockerfile") if file.is_file()}
    assert files == {"Dockerfile", "main.py", "data/small", ".dockerignore"}
