"""Reading small texts that an option names: a local file, a URL, or standard input (`-`)."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable

from hathi.cli.errors import CliError
from hathi.cli.placing import STDIN, is_url
from hathi.model.quoting import excerpt

PATIENCE = 60.0
"""Seconds that a web server may be silent."""

WHOLE = 300.0
"""Seconds that a web server may take for all of it."""

BLOCK = 1 << 16

MOST = 16 << 20
"""Bytes; what is larger is no text that somebody wrote."""


def read_text(place: str) -> str:
    """Return the text, or raise CliError."""
    try:
        return read_bytes(place).decode()
    except UnicodeDecodeError as error:
        raise CliError(f"{_named(place)} is not text in UTF-8: {error.reason} at byte {error.start}") from error


def read_bytes(place: str) -> bytes:
    """Return the bytes, or raise CliError, also when there are more than `MOST`."""
    if is_url(place):
        return _download(place)
    try:
        if place == STDIN:
            data = sys.stdin.buffer.read(MOST + 1)
        else:
            with open(place, "rb") as file:
                data = file.read(MOST + 1)
    except OSError as error:
        raise CliError(f"cannot read {_named(place)}: {error.strerror}") from error
    except ValueError as error:
        raise CliError(f"cannot read {_named(place)}: {error}") from error
    if len(data) > MOST:
        raise CliError(f"cannot read {_named(place)}: it is longer than {MOST >> 20} MiB")
    return data


def _named(place: str) -> str:
    return "standard input" if place == STDIN else excerpt(place)


def read_answer(read: Callable[[int], bytes], clock: Callable[[], float] = time.monotonic) -> bytes:
    """Return what a web server sends, up to a byte more than `MOST`; TimeoutError when that takes too long."""
    deadline = clock() + WHOLE
    parts: list[bytes] = []
    left = MOST + 1
    while left and (data := read(min(left, BLOCK))):
        parts.append(data)
        left -= len(data)
        if clock() > deadline:
            raise TimeoutError(f"the server had not sent everything after {WHOLE:g} seconds")
    return b"".join(parts)


def _download(url: str) -> bytes:
    from http.client import HTTPException  # these take long to load, and are rarely needed
    from urllib.error import HTTPError, URLError
    from urllib.request import Request, urlopen

    if not url.lower().startswith(("http://", "https://")):
        raise CliError(f"cannot read {excerpt(url)}: only http and https are known here")
    try:
        with urlopen(Request(url, headers={"User-Agent": "pachctl"}), timeout=PATIENCE) as answer:
            data = read_answer(answer.read1)
            short = answer.length or 0
    except HTTPError as error:
        said = str(error.reason).partition("\n")[0]
        raise CliError(f"cannot read {excerpt(url)}: the server answered {error.code} {excerpt(said)}") from error
    except (URLError, OSError, ValueError, HTTPException) as error:
        reason = getattr(error, "reason", error)
        said = excerpt(str(getattr(reason, "strerror", None) or reason))
        raise CliError(f"cannot read {excerpt(url)}: {said}") from error
    if len(data) > MOST:
        raise CliError(f"cannot read {excerpt(url)}: the server sent more than {MOST >> 20} MiB")
    if short:
        raise CliError(f"cannot read {excerpt(url)}: the server broke off, {short} bytes before the end")
    return data
