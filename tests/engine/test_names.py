"""Image names are taken apart as engines do it."""

from __future__ import annotations

import pytest

from hathi.engine.names import parse_image


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("python", ("", "python", "", "")),
        ("python:3", ("", "python", "3", "")),
        ("me/tool:1", ("", "me/tool", "1", "")),
        ("localhost/tool", ("localhost", "tool", "", "")),
        ("localhost:5000/a/b:t", ("localhost:5000", "a/b", "t", "")),
        ("ghcr.io/a/b@sha256:12", ("ghcr.io", "a/b", "", "sha256:12")),
    ],
)
def test_a_name_has_up_to_four_parts_and_is_written_as_it_was_read(text, parts):
    name = parse_image(text)
    assert (name.registry, name.path, name.tag, name.digest) == parts
    assert str(name) == text
    assert name.host == (parts[0] or "index.docker.io")
