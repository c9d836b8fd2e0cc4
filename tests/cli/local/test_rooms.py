"""What is said when the image that a datum shall run in is nowhere."""

from __future__ import annotations

import pytest

from hathi.cli.local.rooms import Rooms
from hathi.cli.local.running import Task
from hathi.engine.errors import EngineRefused
from hathi.images.official import image_of
from hathi.model.ids import CommitSetId

JOB = CommitSetId("0123456789ab4cdef0123456789abcde")


class NoImages:
    """An engine without images and without a network."""

    def image(self, name: str) -> None:
        return None

    def pull(self, name: str, cancelled: object) -> None:
        raise EngineRefused("no such host")


def said(image: str) -> str:
    rooms = Rooms({"HATHI_BUILDERS": "mine"}, "docker")
    rooms.__dict__["_engine"] = NoImages()
    with pytest.raises(EngineRefused) as refused:
        rooms.room(Task("default", "p", JOB, "0", (), {"image": image}))
    return str(refused.value)


def test_a_missing_builder_is_named_with_the_command_that_makes_it() -> None:
    image = image_of("python", "mine")
    assert said(image).startswith(
        f'the image "{image}" cannot be pulled: no such host\n'
        f"It is an official builder; make it with: docker build -t {image} /"
    )


def test_any_other_missing_image_is_named() -> None:
    assert said("other:1") == 'the image "other:1" cannot be pulled: no such host'
