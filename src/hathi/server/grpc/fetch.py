"""Fetching a file from the web on behalf of a client that puts a URL."""

from __future__ import annotations

import http.client
import urllib.error
import urllib.request
from collections.abc import Iterator
from urllib.parse import urlsplit

from hathi.model.errors import InvalidError, UnavailableError, UnimplementedError

TIMEOUT = 60.0
"""Seconds without a byte after which a fetch is given up."""

_PIECE = 1 << 20


def fetch(url: str, *, recursive: bool = False) -> Iterator[bytes]:
    """Yield the bytes behind an http or https URL, got with one request.

    Raises InvalidError (no URL, or the other side refuses it), UnavailableError (no answer, or a cut one) and
    UnimplementedError (URLs of object stores).
    """
    scheme = urlsplit(url).scheme
    if scheme not in ("http", "https"):
        raise UnimplementedError(f"cannot put {url!r}: only http and https URLs are served")
    if recursive:
        raise InvalidError(f"cannot put {url!r} recursively: only object stores have folders")
    try:
        with urllib.request.urlopen(url, timeout=TIMEOUT) as answer:
            while piece := answer.read(_PIECE):
                yield piece
            if answer.length:
                raise UnavailableError(f"cannot get {url}: the answer ended {answer.length} bytes too soon")
    except urllib.error.HTTPError as error:
        raise InvalidError(f"cannot get {url}: {error.code} {error.reason}") from None
    except (OSError, ValueError, http.client.HTTPException) as error:
        raise UnavailableError(f"cannot get {url}: {getattr(error, 'reason', error)}") from None
