"""Reading small texts that an option names: a local file, a URL, or standard input (`-`)."""

from __future__ import annotations

import sys
from pathlib import Path

from hathi.cli.errors import CliError
from hathi.cli.placing import STDIN, is_url

PATIENCE = 60.0
"""Seconds that a web server may be silent."""


def read_text(place: str) -> str:
    """Return the text, or raise CliError."""
    try:
        return read_bytes(place).decode()
    except UnicodeDecodeError as error:
        raise CliError(f"{place} is not text in UTF-8: {error.reason} at byte {error.start}") from error


def read_bytes(place: str) -> bytes:
    """Return the bytes, or raise CliError."""
    if place == STDIN:
        return sys.stdin.buffer.read()
    if is_url(place):
        return _download(place)
    try:
        return Path(place).read_bytes()
    except OSError as error:
        raise CliError(f"cannot read {place}: {error.strerror}") from error


def _download(url: str) -> bytes:
    from urllib.error import HTTPError, URLError  # takes long to load, and is rarely needed
    from urllib.request import Request, urlopen

    if not url.startswith(("http://", "https://")):
        raise CliError(f"cannot read {url}: only http and https are known here")
    try:
        with urlopen(Request(url, headers={"User-Agent": "pachctl"}), timeout=PATIENCE) as answer:
            data: bytes = answer.read()
            return data
    except HTTPError as error:
        raise CliError(f"cannot read {url}: the server answered {error.code} {error.reason}") from error
    except (URLError, OSError, ValueError) as error:
        cause = getattr(error, "reason", error)
        raise CliError(f"cannot read {url}: {getattr(cause, 'strerror', None) or cause}") from error
