"""Where a server listens, as text: `[scheme://]host[:port]`.

`grpc` (the default) and `http` mean plain text, `grpcs` and `https` mean TLS, `unix://PATH` a socket. The port
defaults to 30650. Anything else an URL may have (path, query, credentials) is refused, since it would be silently
ignored.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from hathi.model.errors import InvalidError

DEFAULT_PORT = 30650
_SECURE = {"grpc": False, "http": False, "grpcs": True, "https": True}
_PLACE = re.compile(r"(?P<host>\[[0-9A-Fa-f:.%]+\]|[^\[\]:/@?#\s]+)(?::(?P<port>[0-9]{1,5}))?/?")


@dataclass(frozen=True, slots=True)
class Address:
    """target: as gRPC names it. secure: whether TLS is spoken there."""

    target: str
    secure: bool = False


def parse_address(text: str) -> Address:
    """Read an address; InvalidError says what is wrong with it."""
    scheme, mark, rest = text.strip().partition("://")
    if not mark:
        scheme, rest = "grpc", text.strip()
    if scheme == "unix" and rest:
        return Address(f"unix:{rest}")
    if scheme not in _SECURE:
        raise InvalidError(f'invalid address "{text}": the scheme must be grpc, grpcs, http, https or unix')
    found = _PLACE.fullmatch(rest)
    if found is None:
        raise InvalidError(f'invalid address "{text}": it must be [scheme://]host[:port] and nothing else')
    port = int(found["port"] or DEFAULT_PORT)
    if not 0 < port < 65536:
        raise InvalidError(f'invalid address "{text}": {port} is not a port')
    return Address(f"{found['host']}:{port}", _SECURE[scheme])
