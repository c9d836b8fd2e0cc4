"""Image names are taken apart as engines do it."""

from __future__ import annotations

import pytest

from hathi.model.images import is_registry, misnamed, parse_image


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


@pytest.mark.parametrize("text", ["python:3", "localhost:5000/team/word_count", "sha256:12ab", "a@sha256:12", "a:$TAG"])
def test_engines_take_names_in_small_letters_behind_a_host(text):
    assert misnamed(text) == ""


@pytest.mark.parametrize("text", ["a b", "reg.example.com/", "http://reg.example.com/tool", "", "a//b", "-a"])
def test_what_engines_do_not_take_is_told_with_how_to_write_it(text):
    assert misnamed(text) == f'the image cannot be called "{text}": write [REGISTRY/]NAME[:TAG]'


def test_capitals_are_told_as_such():
    assert "names are in lower case" in misnamed("Team/tool")
