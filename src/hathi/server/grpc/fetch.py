"""Fetch a file from the web for a client that puts a URL, from where the server's owner allows.

The server reaches addresses that its clients do not: its own loopback services, and those from which clouds hand out
credentials. So a name is resolved once, every address that it has is checked, and the connection goes to a checked one;
each redirection is checked anew. Proxies of the environment are not used, since they would resolve names themselves.
"""

from __future__ import annotations

import http.client
import socket
import ssl
import time
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from urllib.parse import SplitResult, urljoin, urlsplit

from hathi.model.errors import InvalidError, UnavailableError, UnimplementedError
from hathi.model.quoting import excerpt
from hathi.wire.errors import DeniedError

TIMEOUT = 60.0
"""Seconds without a byte after which a fetch is given up."""

REDIRECTIONS = 10

_PIECE = 1 << 20
_MOVED = {301, 302, 303, 307, 308}
_PORTS = {"http": 80, "https": 443}

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network

_METADATA = frozenset(
    ip_address(text)
    for text in ["169.254.169.254", "100.100.100.200", "168.63.129.16", "192.0.0.192", "fd00:ec2::254", "fd20:ce::254"]
)
"""Where clouds tell a machine its credentials."""

_TRANSLATED = ip_network("64:ff9b::/96")  # IPv4 addresses behind a translator


@dataclass(frozen=True, slots=True)
class FetchRules:
    """From where URLs are fetched, and how much.

    allowed: networks whose addresses are fetched from although they are not by default. enabled: whether any URL is.
    bytes, seconds: of one file.
    """

    allowed: Sequence[Network] = ()
    enabled: bool = True
    bytes: int = 1 << 40
    seconds: float = 6 * 3600.0

    def refusal(self, address: Address) -> str:
        """Return what an address is that is not fetched from, in words; "" when it is fine."""
        if any(address in network for network in self.allowed if network.version == address.version):
            return ""
        inner = _inner(address)
        if inner in _METADATA or address in _METADATA:
            return "an address from which clouds hand out credentials"
        for name, kind in (
            ("is_loopback", "a loopback address"),
            ("is_link_local", "a link-local address"),
            ("is_unspecified", "no address of a server"),
            ("is_multicast", "a multicast address"),
            ("is_reserved", "a reserved address"),
        ):
            if getattr(inner, name):
                return kind
        if inner.version == 4 and int(inner) >> 24 == 0:
            return "no address of a server"
        return ""


def parse_rules(words: Sequence[str]) -> FetchRules:
    """Return the rules that settings name: networks such as `10.0.0.0/8`, or `none` alone. Raises InvalidError."""
    if list(words) == ["none"]:
        return FetchRules(enabled=False)
    networks = []
    for word in words:
        try:
            networks.append(ip_network(word))
        except ValueError:
            raise InvalidError(
                f"--fetch-allow {excerpt(word)}: must be a network such as 127.0.0.1/32 or fd00::/8, or none"
            ) from None
    return FetchRules(tuple(networks))


def fetch(url: str, rules: FetchRules, *, recursive: bool = False) -> Iterator[bytes]:
    """Yield the bytes behind an http or https URL.

    Raises InvalidError (no URL, the other side refuses it, or it is too large), DeniedError (the server does not fetch
    from there), UnavailableError (no answer, a cut one, or a slow one) and UnimplementedError (URLs of object stores).
    """
    if not rules.enabled:
        raise DeniedError("this server fetches no URLs: get the file yourself and put its bytes")
    deadline = time.monotonic() + rules.seconds
    at = url
    for _ in range(REDIRECTIONS + 1):
        parts = _parts(at, recursive=recursive)
        with closing(_Get(parts, rules)) as get:
            if get.answer.status in _MOVED and (to := get.answer.getheader("Location")):
                at = urljoin(at, to)
                continue
            if get.answer.status != http.client.OK:
                raise InvalidError(f"cannot get {excerpt(at)}: {get.answer.status} {excerpt(get.answer.reason)}")
            yield from get.body(deadline)
            return
    raise InvalidError(f"cannot get {excerpt(url)}: it redirects more than {REDIRECTIONS} times")


class _Get:
    """One request and its answer, over a connection to an address that was checked."""

    def __init__(self, url: SplitResult, rules: FetchRules) -> None:
        self._url = url
        self._rules = rules
        host, port = str(url.hostname), url.port or _PORTS[url.scheme]
        with self._explained():
            addresses = _resolve(host, port)
        for address in addresses:
            if refusal := rules.refusal(address):
                raise DeniedError(
                    f"cannot get {excerpt(url.geturl())}: {excerpt(host)} is {address}, {refusal}, from which this "
                    f"server does not fetch; its owner may allow it with pachd --fetch-allow {address}"
                )
        with self._explained():
            self._connection = http.client.HTTPConnection(host, port, timeout=TIMEOUT)
            self._connection.sock = self._connect(addresses, host, port)
            target = (url.path or "/") + (f"?{url.query}" if url.query else "")
            self._connection.default_port = _PORTS[url.scheme]
            self._connection.request("GET", target, headers={"User-Agent": "hathi", "Connection": "close"})
            self.answer = self._connection.getresponse()

    def close(self) -> None:
        self._connection.close()

    def body(self, deadline: float) -> Iterator[bytes]:
        """Yield the bytes of the answer."""
        name, expected, size = excerpt(self._url.geturl()), self.answer.length, 0
        while (expected is None or size < expected) and (piece := self._read()):
            size += len(piece)
            if size > self._rules.bytes:
                raise InvalidError(f"cannot get {name}: it is larger than {self._rules.bytes} bytes")
            if time.monotonic() > deadline:
                raise UnavailableError(f"cannot get {name}: it took longer than {self._rules.seconds:g} s")
            yield piece
        if expected is not None and size < expected:
            raise UnavailableError(f"cannot get {name}: the answer ended {expected - size} bytes too soon")

    def _read(self) -> bytes:
        """Return what has come, so that the time is looked at however slowly the other side sends."""
        with self._explained():
            return self.answer.read1(_PIECE)

    def _connect(self, addresses: Sequence[Address], host: str, port: int) -> socket.socket:
        failure: OSError = OSError(f"{host} has no address")
        for address in addresses:
            try:
                plain = socket.create_connection((str(address), port), TIMEOUT)
            except OSError as error:
                failure = error
                continue
            if self._url.scheme == "http":
                return plain
            try:
                return ssl.create_default_context().wrap_socket(plain, server_hostname=host)
            except BaseException:
                plain.close()
                raise
        raise failure

    @contextmanager
    def _explained(self) -> Iterator[None]:
        name = excerpt(self._url.geturl())
        try:
            yield
        except (http.client.InvalidURL, UnicodeError) as error:
            raise InvalidError(f"cannot get {name}: {excerpt(str(error))}") from None
        except (OSError, http.client.HTTPException) as error:
            raise UnavailableError(f"cannot get {name}: {excerpt(str(error))}") from None


def _parts(url: str, *, recursive: bool) -> SplitResult:
    """Return the parts of a URL that can be fetched; InvalidError or UnimplementedError otherwise."""
    try:
        parts = urlsplit(url)
        usable = bool(parts.hostname) and parts.port != 0
    except ValueError as error:
        raise InvalidError(f"{excerpt(url)} is no URL: {excerpt(str(error))}") from None
    if parts.scheme not in _PORTS:
        raise UnimplementedError(f"cannot put {excerpt(url)}: only http and https URLs are supported")
    if not usable:
        raise InvalidError(f"{excerpt(url)} is no URL: it names no host")
    if parts.username is not None or parts.password is not None:
        raise InvalidError("a URL with a user name or password in it cannot be put: get the file and put its bytes")
    if recursive:
        raise InvalidError(f"cannot put {excerpt(url)} recursively: only object stores have folders")
    return parts


def _resolve(host: str, port: int) -> list[Address]:
    """Return all addresses of a host."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(ip_address(str(place[0]).partition("%")[0]) for *_, place in found))


def _inner(address: Address) -> Address:
    """Return the IPv4 address that an IPv6 address stands for, where it stands for one."""
    if address.version == 4:
        return address
    if address in _TRANSLATED:
        return IPv4Address(int(address) & 0xFFFFFFFF)
    return address.ipv4_mapped or address.sixtofour or (address.teredo[1] if address.teredo else address)
