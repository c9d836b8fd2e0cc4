"""The official builders: how their images are called and made, and what they need to find."""

from __future__ import annotations

import pytest

from hathi import __version__
from hathi.images import official


@pytest.mark.parametrize(
    ("environment", "image"),
    [
        ({}, "hathi/python-build"),
        ({"HATHI_BUILDERS": ""}, "hathi/python-build"),
        ({"HATHI_BUILDERS": "registry.example.com:5000/team/"}, "registry.example.com:5000/team/python-build"),
    ],
)
def test_what_the_names_of_builder_images_begin_with_is_a_setting(environment, image):
    assert official.image_of("python", official.prefix(environment)) == f"{image}:{__version__}"


def test_it_is_known_how_the_image_of_a_builder_is_made_and_of_no_other():
    image = official.image_of("go", "mine")
    command = official.recipe(image, "mine").split()
    assert command[:-1] == ["docker", "build", "-t", image]
    assert (official.FOLDER / "go" / "Dockerfile").samefile(f"{command[-1]}/Dockerfile")
    assert official.recipe(image) == official.recipe("busybox:1") == ""


@pytest.mark.parametrize(
    ("language", "transform", "needed"),
    [
        ("python", {}, "main.py"),
        ("python", {"cmd": ["sh", "/pfs/build/run.sh", "x"]}, "main.py"),
        ("python", {"cmd": ["sh"], "stdin": ["exec sh /pfs/build/run.sh"]}, "main.py"),
        ("python", {"cmd": ["python3", "/pfs/source/other.py"]}, ""),
        ("go", {"cmd": ["/pfs/build/main"]}, "*.go"),
        ("", {}, ""),
    ],
)
def test_a_builder_needs_what_it_builds_and_what_its_script_starts(language, transform, needed):
    assert official.needed(language, transform) == needed
