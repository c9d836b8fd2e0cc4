"""Putting, getting and listing files."""

from __future__ import annotations

import io
import subprocess
import sys
import tarfile
from pathlib import Path

import pytest
from google.protobuf.wrappers_pb2 import BytesValue

from hathi.cli import placing, reading, receiving
from hathi.cli.errors import CliError
from hathi.cli.placing import Placed
from hathi.cli.receiving import Arrived
from hathi.wire.gen import hathi_pb2, pfs_pb2

REPO = pfs_pb2.Repo(name="data", type="user", project=pfs_pb2.Project(name="default"))


class Lost(list):
    """Answers after which the connection is lost."""


def written(server) -> dict[str, bytes]:
    """What the last Put wrote."""
    files: dict[str, bytes] = {}
    for message in server.asked("Put")[-1].messages:
        for op in message.ops:
            files[op.path] = files.get(op.path, b"") + op.data if op.continued else op.data
    return files


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    folder = tmp_path / "tree"
    (folder / "sub" / "empty").mkdir(parents=True)
    (folder / "b").write_bytes(b"bbb")
    (folder / "a").write_bytes(b"")
    (folder / "sub" / "big").write_bytes(bytes(range(256)) * 10_000)
    return folder


@pytest.mark.parametrize(
    ("sources", "path", "options", "placed"),
    [
        (["x/y.txt"], "", {}, ["/y.txt"]),
        (["x/y.txt"], "", {"full_path": True}, ["/x/y.txt"]),
        (["x/y.txt"], "/z", {}, ["/z"]),
        (["x/y.txt"], "/z/", {}, ["/z/y.txt"]),
        (["x", "y/w"], "/z", {}, ["/z/x", "/z/w"]),
        (["x", "y/w"], "/z", {"full_path": True}, ["/z/x", "/z/y/w"]),
        (["d/e"], "", {"recursive": True}, ["/e"]),
        (["."], "", {"recursive": True}, ["/"]),
        (["d/e"], "/z", {"recursive": True}, ["/z"]),
        (["d/e"], "/z/", {"recursive": True}, ["/z/"]),
        (["d/e"], "/z", {"recursive": True, "full_path": True}, ["/z/d/e"]),
        (["-"], "/z", {}, ["/z"]),
        (["https://h/p/q.csv"], "", {}, ["/p/q.csv"]),
        (["pfs://h/repo/master/p"], "", {}, ["/p"]),
    ],
)
def test_where_a_source_goes(sources, path, options, placed) -> None:
    asked = {"recursive": False, "full_path": False, **options}
    assert [each.path for each in placing.place(sources, path, **asked)] == placed


@pytest.mark.parametrize(("sources", "path"), [(["-"], ""), (["-", "a"], "/z"), (["-"], "/z/")])
def test_standard_input_has_no_name_of_its_own(sources, path) -> None:
    with pytest.raises(CliError, match="must specify filename when reading data from stdin"):
        placing.place(sources, path, recursive=False, full_path=False)


def test_a_folder_is_put_as_one_write_of_few_messages_in_order(pachctl, server, tree) -> None:
    pachctl("put", "file", "-r", "data@master:/in", "-f", str(tree))
    call = server.asked("Put")[0]
    assert written(server) == {
        "/in/a": b"",
        "/in/b": b"bbb",
        "/in/sub/big": bytes(range(256)) * 10_000,
    }
    assert len(call.messages) == 3
    assert call.messages[0].commit == hathi_pb2.CommitRef(project="default", repo="data", type="user", branch="master")
    assert not any(message.HasField("commit") for message in call.messages[1:])
    assert [message.complete for message in call.messages] == [False, False, True]
    assert all(message.ByteSize() < 3 << 20 for message in call.messages)
    assert server.one("InspectRepo").repo == REPO


def test_many_small_files_share_messages_and_keep_their_order(pachctl, server, tmp_path) -> None:
    folder = tmp_path / "many"
    folder.mkdir()
    for number in range(500):
        (folder / f"{number:03}").write_text(str(number))
    pachctl("put", "file", "-r", "data@master:/", "-f", str(folder), "-p", "4", "-a")
    call = server.asked("Put")[0]
    assert len(call.messages) == 1
    assert [op.path for op in call.messages[0].ops] == [f"/{number:03}" for number in range(500)]
    assert all(op.append for op in call.messages[0].ops)


def test_standard_input_and_lists_of_sources_are_put(pachctl, server, tree, tmp_path) -> None:
    pachctl("put", "file", "data@master:/typed", text="typed in")
    assert written(server) == {"/typed": b"typed in"}
    (tmp_path / "list").write_text(f"{tree}/a\n\n{tree}/b\n")
    pachctl("put", "file", "data@master:/into", "-i", str(tmp_path / "list"))
    assert written(server) == {"/into/a": b"", "/into/b": b"bbb"}
    pachctl("put", "file", "data@master", "-f", f"{tree}/a,{tree}/b")
    assert written(server) == {"/a": b"", "/b": b"bbb"}


WAITING = """
import threading
from hathi.cli.reading import read_stdin
def read():
    print("waits", flush=True)
    next(read_stdin("/x"))
threading.Thread(target=read, daemon=True).start()
for _ in range(100): threading.Event().wait(0.001)
"""


def test_pachctl_may_end_while_a_thread_waits_for_standard_input() -> None:
    program = subprocess.Popen([sys.executable, "-c", WAITING], stdin=subprocess.PIPE, stderr=subprocess.PIPE)
    assert program.wait(30) == 0
    assert program.stdin and program.stderr
    assert program.stderr.read() == b""
    program.stdin.close()
    program.stderr.close()


def test_archives_are_unpacked_on_request(pachctl, server, tree, tmp_path) -> None:
    archive = tmp_path / "x.tar.gz"
    with tarfile.open(archive, "w:gz") as tar:
        tar.add(tree / "b", "dir/b")
        tar.add(tree / "a", "./.hidden")
    pachctl("put", "file", "--untar", "data@master", "-f", str(archive))
    assert written(server) == {"/dir/b": b"bbb", "/.hidden": b""}
    pachctl("put", "file", "data@master", "-f", str(archive))
    assert written(server) == {"/x.tar.gz": archive.read_bytes()}


def test_what_cannot_be_unpacked_is_refused_by_name(failing, server) -> None:
    url = "https://h/data.tar.gz"
    assert failing("put", "file", "--untar", "data@master", "-f", url).err == (
        f"cannot unpack {url}: --untar works on local files and standard input only\n"
    )
    said = failing("put", "file", "--untar", "data@master:/d", text=b"no archive").err
    assert said.startswith("cannot unpack standard input: ")
    assert not server.asked("ModifyFile")


def test_urls_and_other_servers_get_the_original_s_messages(pachctl, server, tree) -> None:
    server.unserved = {"hathi_v1.Files", "hathi_v1.About"}
    pachctl("put", "file", "data@master", "-f", f"{tree}/b")
    bodies = [message.WhichOneof("body") for message in server.asked("ModifyFile")[0].messages]
    assert bodies == ["set_commit", "delete_file", "add_file"]
    server.unserved = set()
    pachctl("put", "file", "-a", "data@master:/x", "-f", "https://h/x")
    messages = server.asked("ModifyFile")[1].messages
    assert messages[1].add_file.url.URL == "https://h/x"
    assert len(messages) == 2


def test_what_cannot_be_read_is_named_and_nothing_counts(failing, server, tree, failure) -> None:
    assert "cannot read /nowhere: No such file" in failing("put", "file", "data@master", "-f", "/nowhere").err
    assert f"{tree} is a directory; use -r" in failing("put", "file", "data@master", "-f", str(tree)).err
    assert not any(message.complete for call in server.asked("Put") for message in call.messages)
    server.answers["InspectRepo"] = failure("NOT_FOUND", "repo default/data not found")
    assert failing("put", "file", "data@master", "-f", f"{tree}/b").err == "repo default/data not found\n"


def test_special_files_are_skipped_with_a_warning(tree) -> None:
    import os

    os.mkfifo(tree / "pipe")
    said: list[str] = []
    found = list(reading.list_files([Placed(str(tree), "/")], recursive=True, warn=said.append))
    assert [file.path for file in found] == ["/a", "/b", "/sub/big"]
    assert "pipe: neither a file nor a folder" in said[0]


def test_one_file_goes_to_standard_output_or_a_path(pachctl, server, tmp_path) -> None:
    server.answers["GetFile"] = [BytesValue(value=b"\xff\x00he"), BytesValue(value=b"llo")]
    assert pachctl("get", "file", "data@master:/x", "--offset", "3").raw == b"\xff\x00hello"
    assert server.one("GetFile").offset == 3
    pachctl("get", "file", "data@master:/x", "-o", str(tmp_path / "out"))
    assert (tmp_path / "out").read_bytes() == b"\xff\x00hello"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["out"]


def test_progress_is_shown_on_standard_error_when_asked_for(pachctl, server, tree, tmp_path) -> None:
    done = pachctl("put", "file", "-r", "data@master:/in", "-f", str(tree), "--progress", "--no-color")
    assert done.err == "3 files, 2.441MiB\n"
    assert len(written(server)) == 3
    server.answers["GetFile"] = [BytesValue(value=b"hello")]
    done = pachctl("get", "file", "data@master:/x", "-o", str(tmp_path / "out"), "--progress=true")
    assert done.err == "1 file, 5B\n"
    assert pachctl("get", "file", "data@master:/x", "-o", str(tmp_path / "out")).err == ""


def test_a_lost_connection_is_taken_up_where_it_broke_on_request(pachctl, failing, server) -> None:
    def flaky(request):
        return [BytesValue(value=b"lo")] if request.offset == 3 else Lost([BytesValue(value=b"hel")])

    server.answers["GetFile"] = flaky
    assert pachctl("get", "file", "data@master:/x", "--retry").out == "hello"
    assert [call.message.offset for call in server.asked("GetFile")] == [0, 3]
    assert failing("get", "file", "data@master:/x").raw == b"hel"


def test_a_failed_get_leaves_nothing_behind(failing, server, tmp_path, failure) -> None:
    def broken(request):
        yield BytesValue(value=b"half")
        raise RuntimeError

    server.answers["GetFile"] = broken
    failing("get", "file", "data@master:/x", "-o", str(tmp_path / "out"))
    assert not list(tmp_path.iterdir())
    server.answers["GetFile"] = failure("UNKNOWN", "matched multiple files, use GetFileTAR")
    assert "get it with -r and -o PATH" in failing("get", "file", "data@master:/*").err
    assert "an output path needs to be specified" in failing("get", "file", "-r", "data@master:/x").err


@pytest.mark.parametrize("hathi", [True, False])
def test_a_directory_is_got_below_the_path_given(pachctl, server, tmp_path, hathi) -> None:
    files = {"/tree/one": b"1", "/tree/sub/two": b"22", "/tree/zero": b""}
    if hathi:
        pieces = [hathi_pb2.FilePiece(path="/tree/one", data=b"1", size=1, last=True)]
        halves = [
            hathi_pb2.FilePiece(path="/tree/sub/two", data=b"2", size=2),
            hathi_pb2.FilePiece(path="/tree/sub/two", data=b"2", size=2, last=True),
            hathi_pb2.FilePiece(path="/tree/zero", last=True),
        ]
        server.answers["Get"] = [hathi_pb2.GetResponse(pieces=pieces), hathi_pb2.GetResponse(pieces=halves)]
    else:
        server.unserved = {"hathi_v1.Files", "hathi_v1.About"}
        archive = io.BytesIO()
        with tarfile.open(fileobj=archive, mode="w") as tar:
            for path, data in files.items():
                member = tarfile.TarInfo(path)
                member.size = len(data)
                tar.addfile(member, io.BytesIO(data))
        data = archive.getvalue()
        server.answers["GetFileTAR"] = [BytesValue(value=data[at : at + 700]) for at in range(0, len(data), 700)]
    pachctl("get", "file", "-r", "data@master:/tree", "-o", str(tmp_path / "out"))
    got = {
        f"/tree/{path.relative_to(tmp_path / 'out')}": path.read_bytes()
        for path in (tmp_path / "out").rglob("*")
        if path.is_file()
    }
    assert got == files


@pytest.mark.parametrize("path", ["/tree/../../etc/passwd", "/tree//x", "/other", "tree/x", "/tree/a\0b", "/tree/."])
def test_no_path_of_the_server_leaves_the_target_folder(tmp_path, path) -> None:
    with pytest.raises(CliError):
        list(receiving.save([Arrived(path, b"x", True, True)], tmp_path / "out", "/tree"))
    assert not [found for found in tmp_path.rglob("*") if found.is_file()]


def test_files_are_listed_as_they_come(pachctl, server) -> None:
    def info(path: str, kind, size: int) -> pfs_pb2.FileInfo:
        return pfs_pb2.FileInfo(file=pfs_pb2.File(path=path), file_type=kind, size_bytes=size)

    server.answers["ListFile"] = [info("/dir", pfs_pb2.DIR, 2048), info("/file", pfs_pb2.FILE, 3)]
    expected = ["SIZE      \tNAME", "2KiB      \t/dir/", "3B        \t/file"]
    assert pachctl("list", "file", "data@master").lines == expected
    server.answers["GlobFile"] = server.answers["ListFile"]
    assert pachctl("glob", "file", "data@master:/*").lines == expected
    assert server.one("GlobFile").pattern == "/*"
    server.answers["InspectFile"] = info("/file", pfs_pb2.FILE, 3)
    assert pachctl("inspect", "file", "data@master:/file").lines == ["Path: /file", "Type: file", "Size: 3B"]


def test_files_are_deleted_and_copied_in_one_write(pachctl, failing, server) -> None:
    pachctl("delete", "file", "data@master:/x")
    assert [m.delete_file.path for m in server.asked("ModifyFile")[0].messages[1:]] == ["/x"]
    pachctl("delete", "file", "-r", "data@master:/x")
    assert [m.delete_file.path for m in server.asked("ModifyFile")[1].messages[1:]] == ["/x", "/x/"]
    pachctl("copy", "file", "data@master:/x", "other@dev:/y", "-a")
    first, second = server.asked("ModifyFile")[2].messages
    assert (first.set_commit.branch.name, second.copy_file.dst, second.copy_file.append) == ("dev", "/y", True)
    assert second.copy_file.src.commit.repo.name == "data"
    assert "no path given" in failing("delete", "file", "data@master").err
    assert "-r" in failing("delete", "file", "data@master:/").err
