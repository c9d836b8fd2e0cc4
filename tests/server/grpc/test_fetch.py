"""Fetching files from the web for clients that put a URL."""

from __future__ import annotations

import threading
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from hathi.model.errors import InvalidError, UnavailableError, UnimplementedError
from hathi.server.grpc.fetch import fetch


class Site(BaseHTTPRequestHandler):
    def do_GET(self):
        if self.path == "/file":
            self.send_response(200)
            self.send_header("Content-Length", "5")
            self.end_headers()
            self.wfile.write(b"bytes")
        elif self.path == "/cut":
            self.send_response(200)
            self.send_header("Content-Length", "500")
            self.end_headers()
            self.wfile.write(b"by")
        else:
            self.send_error(404)

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


def test_the_bytes_behind_a_url(site) -> None:
    assert b"".join(fetch(f"{site}/file")) == b"bytes"


def test_a_refusal_names_url_and_reason(site) -> None:
    with pytest.raises(InvalidError, match=r"/none: 404"):
        list(fetch(f"{site}/none"))


def test_an_answer_that_is_cut_is_no_file(site) -> None:
    with pytest.raises(UnavailableError):
        list(fetch(f"{site}/cut"))


def test_a_host_that_does_not_answer_is_unavailable() -> None:
    with pytest.raises(UnavailableError, match=r"cannot get http://127.0.0.1:1/: \[Errno \d+\] Connection refused$"):
        list(fetch("http://127.0.0.1:1/"))


def test_other_schemes_are_not_served() -> None:
    for url in ("s3://bucket/key", "file:///etc/passwd", "nonsense"):
        with pytest.raises(UnimplementedError):
            list(fetch(url))
