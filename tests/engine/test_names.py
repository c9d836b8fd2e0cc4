"""Image names are taken apart as engines do it."""

from __future__ import annotations

import pytest

from hathi.engine.names import is_registry, is_repository, parse_image


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


@pytest.mark.parametrize(
    "text", ["localhost", "localhost:5000", "ghcr.io/team", "reg.example.com:1/a/b-c", "[::1]:5000"]
)
def test_a_registry_is_a_host_perhaps_with_port_and_path(text):
    assert is_registry(text)


@pytest.mark.parametrize(
    "text", ["", "http://host", "host/", "/a", "host:", "host:p", "-host", "host/A", "a b", "host/a:1"]
)
def test_what_no_name_can_begin_with_is_no_registry(text):
    assert not is_registry(text)


@pytest.mark.parametrize(
    ("text", "good"),
    [
        ("python:3", True),
        ("localhost:5000/team/word_count", True),
        ("a b", False),
        ("Team/tool", False),
        ("reg.example.com/", False),
        ("http://reg.example.com/tool", False),
        ("", False),
    ],
)
def test_engines_take_names_in_small_letters_behind_a_host(text, good):
    assert is_repository(parse_image(text)) is good
