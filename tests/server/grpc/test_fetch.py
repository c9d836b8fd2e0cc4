"""Fetching files from the web for clients that put a URL, from where the server's owner allows."""

from __future__ import annotations

import socket
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer
from ipaddress import ip_address, ip_network

import pytest

from hathi.model.errors import InvalidError, UnavailableError, UnimplementedError
from hathi.server.grpc import fetch as module
from hathi.server.grpc.fetch import REDIRECTIONS, FetchRules, fetch, parse_rules
from hathi.wire.errors import DeniedError

LOCAL = parse_rules(["127.0.0.1/32"])


class Site(BaseHTTPRequestHandler):
    def do_GET(self):
        if self.path.startswith("/to/"):
            self.send_response(302)
            self.send_header("Location", self.path.removeprefix("/to/"))
            self.end_headers()
        elif self.path == "/round":
            self.send_response(307)
            self.send_header("Location", "/round")
            self.end_headers()
        elif self.path == "/query?a=b":
            self.answer(b"asked " + self.headers["Host"].encode())
        elif self.path == "/file":
            self.answer(b"bytes")
        elif self.path == "/cut":
            self.answer(b"by", size=500)
        elif self.path == "/unsized":
            self.send_response(200)
            self.end_headers()
            self.wfile.write(b"x" * 3_000_000)
        elif self.path == "/drip":
            self.send_response(200)
            self.end_headers()
            for _ in range(1000):
                self.wfile.write(b"x")
                self.wfile.flush()
        else:
            self.send_error(404)

    def answer(self, data, size=None):
        self.send_response(200)
        self.send_header("Content-Length", str(len(data) if size is None else size))
        self.end_headers()
        self.wfile.write(data)

    def handle(self):
        try:
            super().handle()
        except (BrokenPipeError, ConnectionResetError):
            pass  # the client had enough

    def log_message(self, format, *args):
        pass


@pytest.fixture
def site():
    server = HTTPServer(("127.0.0.1", 0), Site)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


def get(url, rules=LOCAL):
    return b"".join(fetch(url, rules))


def test_the_bytes_behind_a_url(site) -> None:
    assert get(f"{site}/file") == b"bytes"
    assert get(f"{site}/file#part") == b"bytes"
    assert get(f"{site}/query?a=b") == b"asked " + site.removeprefix("http://").encode()
    assert get(f"{site}/unsized") == b"x" * 3_000_000


def test_a_refusal_names_url_and_reason(site) -> None:
    with pytest.raises(InvalidError, match=r"/none: 404"):
        get(f"{site}/none")


def test_an_answer_that_is_cut_is_no_file(site) -> None:
    with pytest.raises(UnavailableError, match="ended 498 bytes too soon"):
        get(f"{site}/cut")


def test_a_host_that_does_not_answer_is_unavailable() -> None:
    with pytest.raises(UnavailableError, match=r"cannot get http://127.0.0.1:1/: \[Errno \d+\] Connection refused$"):
        get("http://127.0.0.1:1/")


def test_other_schemes_are_not_served() -> None:
    for url in ("s3://bucket/key", "file:///etc/passwd", "nonsense", ""):
        with pytest.raises(UnimplementedError):
            get(url)


NO_URLS = """
http:// http://:80/ http://[::1/ http://127.0.0.1:99999/ http://127.0.0.1:x/ http:/x http://127.0.0.1:0/
http://user:secret@127.0.0.1/ http://:secret@127.0.0.1/
"""


@pytest.mark.parametrize("url", [*NO_URLS.split(), "http://127.0.0.1:1/a b", f"http://{'é' * 70}/"])
def test_what_is_no_url_is_refused(url) -> None:
    with pytest.raises((InvalidError, UnavailableError)) as raised:
        get(url)
    assert "secret" not in str(raised.value)


OWN_ADDRESSES = """
127.0.0.1 127.9.9.9 ::1 0.0.0.0 0.1.2.3 :: 169.254.169.254 169.254.170.2 fe80::1 fd00:ec2::254 100.100.100.200
168.63.129.16 224.0.0.1 255.255.255.255 ff02::1 ::ffff:127.0.0.1 ::ffff:169.254.169.254 64:ff9b::7f00:1
64:ff9b::a9fe:a9fe 2002:7f00:1::
"""


@pytest.mark.parametrize("address", OWN_ADDRESSES.split())
def test_no_address_of_the_machine_or_its_cloud_is_fetched_from(address, monkeypatch) -> None:
    """Nor one that only stands for it; and a name with one such address among others is as bad."""
    monkeypatch.setattr(socket, "create_connection", lambda *_: pytest.fail("connected"))
    found = [ip_address("93.184.215.14"), ip_address(address)]
    monkeypatch.setattr(module, "_resolve", lambda host, port: found)
    with pytest.raises(DeniedError, match=r"cannot get http://h/x: h is .* from which this server does not fetch"):
        get("http://h/x", FetchRules())


@pytest.mark.parametrize("address", ["93.184.215.14", "10.1.2.3", "192.168.1.1", "2606:2800:21f:cb07::1", "fd12::1"])
def test_other_addresses_are_fetched_from(address) -> None:
    assert FetchRules().refusal(ip_address(address)) == ""


@pytest.mark.parametrize("host", ["localhost", "127.1", "2130706433", "0x7f000001", "[::ffff:127.0.0.1]"])
def test_other_ways_to_write_the_loopback_address_are_seen_through(host) -> None:
    with pytest.raises((DeniedError, UnavailableError)):  # unavailable where the resolver knows no such form
        get(f"http://{host}:1/", FetchRules())


def test_a_refusal_tells_how_to_allow_it(site) -> None:
    with pytest.raises(DeniedError, match=r"is 127\.0\.0\.1, a loopback address.*--fetch-allow 127\.0\.0\.1"):
        get(f"{site}/file", FetchRules())


def test_a_redirection_is_followed_and_checked_like_the_first(site) -> None:
    assert get(f"{site}/to//file") == b"bytes"
    assert get(f"{site}/to/{site}/file") == b"bytes"
    with pytest.raises(DeniedError, match=r"169\.254\.169\.254"):
        get(f"{site}/to/http://169.254.169.254/latest/meta-data")
    with pytest.raises(UnimplementedError):
        get(f"{site}/to/file:///etc/passwd")
    with pytest.raises(InvalidError, match=f"redirects more than {REDIRECTIONS} times"):
        get(f"{site}/round")


def test_the_connection_goes_to_the_address_that_was_checked(site, monkeypatch) -> None:
    """A name that means another address when it is asked again gains nothing."""
    answers = [[ip_address("127.0.0.1")], [ip_address("169.254.169.254")]]
    monkeypatch.setattr(module, "_resolve", lambda host, port: answers.pop(0))
    port = site.rpartition(":")[2]
    assert get(f"http://changing.example:{port}/file") == b"bytes"
    assert len(answers) == 1


def test_a_file_that_is_too_large_or_too_slow_is_given_up(site) -> None:
    with pytest.raises(InvalidError, match="larger than 1000 bytes"):
        get(f"{site}/unsized", FetchRules(LOCAL.allowed, bytes=1000))
    with pytest.raises(UnavailableError, match="took longer than -1 s"):
        get(f"{site}/drip", FetchRules(LOCAL.allowed, seconds=-1))


def test_settings() -> None:
    assert parse_rules([]) == FetchRules()
    assert parse_rules(["10.0.0.0/8", "::1"]).allowed == (ip_network("10.0.0.0/8"), ip_network("::1/128"))
    with pytest.raises(DeniedError, match="fetches no URLs"):
        get("http://example.com/", parse_rules(["none"]))
    for wrong in (["10.0.0.0/99"], ["localhost"], ["none", "10.0.0.0/8"]):
        with pytest.raises(InvalidError, match="--fetch-allow"):
            parse_rules(wrong)
