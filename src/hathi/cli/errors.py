"""What the command line itself finds wrong, before or besides the server."""

from __future__ import annotations

import re

from hathi.model.errors import HathiError
from hathi.model.quoting import excerpt, printable

LONGEST = 4_000
"""Characters of a line of a message; a server's whole text is no longer."""

_PREFIX = re.compile(r"rpc error: code = \w+ desc = ")


class CliError(HathiError):
    """A mistake in what was typed, in the configuration, or in a local file."""


class SilentFailure(CliError):
    """The command failed and has said so itself; only the exit code is missing."""

    def __init__(self, exit_code: int = 1) -> None:
        super().__init__("")
        self.exit_code = exit_code


def one_line(text: str) -> str:
    """Return an error's text for a person: without gRPC's prefixes and surrounding space, in printable lines.

    What a message repeats of an input may hold anything, also what steers a terminal.
    """
    return "\n".join(_shown(line) for line in _PREFIX.sub("", text).strip().split("\n"))


def not_text(error: UnicodeEncodeError) -> str:
    """Return what to tell of a text that could not be encoded.

    Arguments, the environment and file names may hold any bytes, which Python keeps as half surrogate pairs; messages
    to the server hold Unicode alone, and refuse them wherever one is made. So no command needs to check.
    """
    text = str(error.object)
    wrong = text[error.start : error.end]
    if any(0xD800 <= ord(each) <= 0xDFFF for each in wrong):
        return f'"{excerpt(text)}" is not text in UTF-8, and cannot be sent to the server'
    return f'the encoding of this output, {error.encoding}, cannot show "{excerpt(wrong)}"; try PYTHONUTF8=1'


def _shown(line: str) -> str:
    return excerpt(line, LONGEST) if len(line) > LONGEST else printable(line.expandtabs())
