"""The specs that the founding documents print run as they are printed, with the commands printed beside them."""

from __future__ import annotations

import functools
import http.server
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from e2e.containers.support import Images
from e2e.support import ROOT, Pachctl, counts, run

pytestmark = pytest.mark.e2e

SPECS = ROOT / "tests/golden/seeds"
"""The specs as the documents print them."""

BINARY = r"""
#include <ctype.h>
#include <dirent.h>
#include <stdio.h>
int main(int argc, char **argv) {
    char path[4096];
    struct dirent *entry;
    DIR *in = argc == 3 ? opendir(argv[1]) : NULL;
    if (in == NULL) return 2;
    while ((entry = readdir(in)) != NULL) {
        if (entry->d_name[0] == '.') continue;
        snprintf(path, sizeof path, "%s/%s", argv[1], entry->d_name);
        FILE *file = fopen(path, "r");
        int words = 0, inside = 0, c;
        while (file != NULL && (c = fgetc(file)) != EOF) {
            words += !inside && !isspace(c);
            inside = !isspace(c);
        }
        snprintf(path, sizeof path, "%s/%s", argv[2], entry->d_name);
        FILE *out = fopen(path, "w");
        if (out == NULL || fprintf(out, "%d\n", words) < 0 || fclose(out) != 0) return 3;
    }
    return 0;
}
"""


@pytest.fixture
def data(pachctl: Pachctl) -> Iterator[str]:
    """The repo that both specs name, with two files; and nothing of it afterwards."""
    pachctl("create", "repo", "data")
    pachctl("put", "file", "data@master:/one", text="one\n")
    pachctl("put", "file", "data@master:/three", text="now three words\n")
    yield "data"
    for pipeline in ("my-pipeline", "wordcount"):
        if pipeline in pachctl("list", "pipeline"):
            pachctl("delete", "pipeline", pipeline)
    pachctl("delete", "repo", "data")


@contextmanager
def published(folder: Path) -> Iterator[str]:
    """Serve a folder's files over HTTP."""
    handler = functools.partial(http.server.SimpleHTTPRequestHandler, directory=str(folder))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


def binary_image(images: Images, name: str) -> None:
    """Make the image that a spec names, of one static binary and nothing else."""
    images.client.tag(images.id(images.compiled("counter:1", BINARY, "binary")), name, "latest")
    images.built(f"{name}:latest")


@pytest.mark.parametrize("source", ["file", "URL"])
def test_the_developers_first_spec(pachctl: Pachctl, images: Images, data: str, source: str) -> None:
    binary_image(images, "my-pipeline-image")
    with published(SPECS) as address:
        place = f"{address}/my-pipeline.json" if source == "URL" else str(SPECS / "my-pipeline.json")
        pachctl("create", "pipeline", "-f", place)
    assert counts(run(pachctl, "my-pipeline")) == (2, 0, 2)
    assert pachctl("get", "file", "my-pipeline@master:/three") == "3\n"


def test_the_analysts_first_spec_with_its_command_of_then(pachctl: Pachctl, images: Images, data: str) -> None:
    binary_image(images, "wordcount-image")
    pachctl("create-pipeline", "-f", str(SPECS / "your_pipeline.json"))
    assert counts(run(pachctl, "wordcount")) == (2, 0, 2)
    pachctl("put", "file", "data@master:/two", text="two words\n")  # and all future commits
    assert counts(run(pachctl, "wordcount")) == (1, 2, 3)
    assert pachctl("get", "file", "wordcount@master:/two") == "2\n"
