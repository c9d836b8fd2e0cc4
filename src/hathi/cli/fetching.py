"""Reading small texts that an option names: a local file, a URL, or standard input (`-`)."""

from __future__ import annotations

import sys
from pathlib import Path

from hathi.cli.errors import CliError
from hathi.cli.placing import STDIN, is_url

PATIENCE = 60.0
"""Seconds that a web server may be silent."""

MOST = 16 << 20
"""Bytes; a web server that sends more is not sending a text that somebody wrote."""


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
    from http.client import HTTPException  # these take long to load, and are rarely needed
    from urllib.error import HTTPError, URLError
    from urllib.request import Request, urlopen

    if not url.lower().startswith(("http://", "https://")):
        raise CliError(f"cannot read {url}: only http and https are known here")
    try:
        with urlopen(Request(url, headers={"User-Agent": "pachctl"}), timeout=PATIENCE) as answer:
            data: bytes = answer.read(MOST + 1)
            short = answer.length or 0
    except HTTPError as error:
        said = str(error.reason).partition("\n")[0]
        raise CliError(f"cannot read {url}: the server answered {error.code} {said}") from error
    except (URLError, OSError, ValueError, HTTPException) as error:
        reason = getattr(error, "reason", error)
        raise CliError(f"cannot read {url}: {getattr(reason, 'strerror', None) or reason}") from error
    if len(data) > MOST:
        raise CliError(f"cannot read {url}: the server sent more than {MOST >> 20} MiB")
    if short:
        raise CliError(f"cannot read {url}: the server broke off, {short} bytes before the end")
    return data
