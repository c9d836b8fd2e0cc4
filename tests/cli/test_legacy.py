"""The words of 1.x."""

from __future__ import annotations

import click
import pytest

from hathi.cli import legacy, registry
from hathi.cli.grammar import load


@pytest.mark.parametrize("word", sorted(legacy.LEGACY))
def test_every_old_word_stands_for_a_command(word: str) -> None:
    assert registry.find(tuple(legacy.LEGACY[word].split())) is not None


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("put-file images master /a.png -f x", "-f x images@master:/a.png"),
        ("put-file images master", "images@master"),
        ("get-file images master /a -o out", "-o out images@master:/a"),
        ("list-file images master", "images@master"),
        ("glob-file images master /*", "images@master:/*"),
        ("copy-file a master /x b master /y", "a@master:/x b@master:/y"),
        ("start-commit images master -m hello", "-m hello images@master"),
        ("list-commit images", "images"),
        ("list-commit images -n 3", "-n 3 images"),
        ("create-branch images dev 0123", "images@dev --head 0123"),
        ("set-branch images 0123 dev", "images@dev --head 0123"),
        ("delete-branch images dev", "images@dev"),
        ("flush-commit images/master texts/dev", "images@master texts@dev"),
        ("list-job -i images/abc -p edges", "-i images@abc -p edges"),
        ("list-repo", ""),
        ("put-file images@master:/a -f x", "-f x images@master:/a"),
    ],
)
def test_old_positional_arguments_are_rewritten(old: str, new: str) -> None:
    word, *args = old.split()
    entry = registry.find(tuple(legacy.LEGACY[word].split()))
    assert entry is not None
    command = load(entry)
    options = [param for param in command.params if isinstance(param, click.Option)]
    assert legacy.translate(word, args, options) == new.split()


def test_an_old_word_works_and_names_the_new_one_on_standard_error(pachctl, server) -> None:
    done = pachctl("list-file", "images", "master")
    assert done.err == "WARNING: 'list-file' is deprecated and will be removed; use 'pachctl list file' instead.\n"
    assert server.one("ListFile").file.commit.repo.name == "images"
