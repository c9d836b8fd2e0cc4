"""What the command line itself finds wrong, before or besides the server."""

from __future__ import annotations

import re

from hathi.model.errors import HathiError

_PREFIX = re.compile(r"rpc error: code = \w+ desc = ")


class CliError(HathiError):
    """A mistake in what was typed, in the configuration, or in a local file."""


class SilentFailure(CliError):
    """The command failed and has said so itself; only the exit code is missing."""

    def __init__(self, exit_code: int = 1) -> None:
        super().__init__("")
        self.exit_code = exit_code


def one_line(text: str) -> str:
    """Return an error's text for a person: without gRPC's prefixes and without surrounding space."""
    return _PREFIX.sub("", text).strip()
