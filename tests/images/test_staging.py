"""Only what differs is sent, and two who upload at the same time do not mix their code."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from hathi.cli.fingerprint import fingerprint
from hathi.images.source import list_source
from hathi.images.staging import Staged, stage
from hathi.model.errors import NotFoundError
from hathi.model.references import Repo
from hathi.wire.gen import hathi_pb2, pfs_pb2

REPO = Repo("default", "map_build")


class Server:
    """The branch `upload` of one repo: its commits, each path -> bytes, oldest first."""

    def __init__(self):
        self.commits = []
        self.sent = []
        self.before_put = lambda: None
        self.pfs = SimpleNamespace(InspectCommit=self.inspect)
        self.files = SimpleNamespace(List=self.list, Put=self.put)

    def add(self, files):
        self.commits.append(files)
        return f"c{len(self.commits)}"

    def inspect(self, request):
        if not self.commits:
            raise NotFoundError("no branch")
        number = int(request.commit.id[1:]) if request.commit.id else len(self.commits)
        info = pfs_pb2.CommitInfo(commit=pfs_pb2.Commit(id=f"c{number}"))
        if number > 1:
            info.parent_commit.id = f"c{number - 1}"
        return info

    def list(self, request):
        answer = hathi_pb2.ListResponse()
        for path, data in self.commits[int(request.commit.id[1:]) - 1].items():
            answer.entries.add(path=path, hash=fingerprint([data]))
        return [answer]

    def put(self, requests):
        requests = list(requests)
        assert [request.complete for request in requests] == [False] * (len(requests) - 1) + [True]
        assert requests[0].commit.branch == "upload"
        self.before_put()
        files = dict(self.commits[-1]) if self.commits else {}
        for op in (op for request in requests for op in request.ops):
            if op.delete:
                files.pop(op.path)
            else:
                files[op.path] = (files[op.path] if op.continued else b"") + op.data
            if not op.continued:
                self.sent.append(("-" if op.delete else "+") + op.path)
        return hathi_pb2.PutResponse(commit=self.add(files))


@pytest.fixture
def folder(tmp_path):
    for name in "ab":
        (tmp_path / name).write_text(name)
    return tmp_path


@pytest.fixture
def server():
    return Server()


def send(server, folder):
    return stage(server, REPO, list_source(folder).files, fingerprint)


def test_the_first_time_all_is_sent(server, folder):
    assert send(server, folder) == Staged("c1", sent=2, deleted=0, total=2)
    assert server.commits == [{"/a": b"a", "/b": b"b"}]


def test_then_only_what_differs_is_sent(server, folder):
    send(server, folder)
    server.sent.clear()
    (folder / "a").write_text("changed")
    (folder / "c").write_bytes(b"c" * 3_000_000)
    (folder / "b").unlink()
    assert send(server, folder) == Staged("c2", sent=2, deleted=1, total=2)
    assert server.sent == ["-/b", "+/a", "+/c"]
    assert server.commits[-1] == {"/a": b"changed", "/c": b"c" * 3_000_000}


def test_what_is_there_already_is_not_committed_again(server, folder):
    send(server, folder)
    assert send(server, folder) == Staged("c1", sent=0, deleted=0, total=2)


def test_an_empty_folder_and_an_empty_file_are_code_too(server, tmp_path):
    assert send(server, tmp_path).commit == "c1"
    (tmp_path / "empty").write_text("")
    send(server, tmp_path)
    assert server.commits == [{}, {"/empty": b""}]


def test_a_file_may_become_a_folder(server, folder):
    send(server, folder)
    server.sent.clear()
    (folder / "a").unlink()
    (folder / "a").mkdir()
    (folder / "a" / "deep").write_text("x")
    send(server, folder)
    assert server.sent == ["-/a", "+/a/deep"]


def test_somebody_elses_upload_in_between_is_not_mixed_with_ours(server, folder):
    def interfere():
        server.before_put = lambda: None
        server.add({"/theirs": b"theirs"})

    server.before_put = interfere
    staged = send(server, folder)
    assert staged.commit == "c3"
    assert server.commits[2] == {"/a": b"a", "/b": b"b"}
