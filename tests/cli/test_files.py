"""Putting, getting and listing files."""

from __future__ import annotations

import contextlib
import io
import os
import socket
import stat
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


def test_what_cannot_be_put_is_left_out_with_the_reason_and_the_exit_code_says_so(failing, server, tree) -> None:
    os.mkfifo(tree / "pipe")
    (tree / "broken").symlink_to("nowhere")
    (tree / "itself").symlink_to("itself")
    (tree / "null").symlink_to("/dev/null")
    with socket.socket(socket.AF_UNIX) as listening, contextlib.chdir(tree):
        listening.bind("socket")
    done = failing("put", "file", "-r", "data@master:/", "-f", str(tree))
    assert sorted(written(server)) == ["/a", "/b", "/sub/big"]
    assert server.asked("Put")[0].messages[-1].complete
    assert done.err.splitlines() == [
        f"WARNING: left out {tree}/broken: the link leads nowhere",
        f"WARNING: left out {tree}/itself: the link leads to itself",
        f"WARNING: left out {tree}/null: it is a device",
        f"WARNING: left out {tree}/pipe: it is a pipe",
        f"WARNING: left out {tree}/socket: it is a socket",
        "everything else was put, but 5 things were left out (see above)",
    ]


def test_links_are_followed_and_loops_found(failing, pachctl, server, tree, tmp_path) -> None:
    other = tmp_path / "other"
    other.mkdir()
    (other / "x").write_bytes(b"x")
    (tree / "folder").symlink_to(other)
    (tree / "file").symlink_to(other / "x")
    pachctl("put", "file", "-r", "data@master:/", "-f", str(tree))
    assert sorted(written(server)) == ["/a", "/b", "/file", "/folder/x", "/sub/big"]
    (other / "back").symlink_to(tree)
    (tree / "sub" / "here").symlink_to(".")
    done = failing("put", "file", "-r", "data@master:/", "-f", str(tree))
    assert sorted(written(server)) == ["/a", "/b", "/file", "/folder/x", "/sub/big"]
    assert done.err.count("the link leads back to a folder that it is in") == 2


def test_all_names_that_cannot_be_stored_are_told_at_once_before_anything_is_sent(failing, server, tree) -> None:
    (tree / "a*b").touch()
    (tree / "sub" / "ä").touch()
    Path(os.fsdecode(os.fsencode(tree) + b"/caf\xe9")).touch()
    done = failing("put", "file", "-r", "data@master:/in", "-f", str(tree))
    assert not server.asked("Put")
    first, *names = done.err.splitlines()
    assert first == "3 names cannot be stored, and nothing was sent:"
    assert names == [
        f"{tree}/a*b: path (/in/a*b) invalid: globbing character (*) not allowed in path",
        f"{tree}/caf\\xe9: path (/in/caf\\xe9) invalid: only printable ASCII characters allowed",
        f"{tree}/sub/ä: path (/in/sub/ä) invalid: only printable ASCII characters allowed",
    ]


def test_files_are_the_same_whether_a_survey_remembers_them_or_not(tree, monkeypatch) -> None:
    placed = [Placed(str(tree), "/")]
    first = reading.survey(placed, recursive=True, warn=print)
    monkeypatch.setattr(reading, "KEPT", 1)
    second = reading.survey(placed, recursive=True, warn=print)
    assert [file.path for file in first.files()] == ["/a", "/b", "/sub/big"]
    assert list(first.files()) == list(second.files())


def test_a_folder_of_many_bad_names_is_told_in_a_few_lines(failing, tree) -> None:
    for number in range(200):
        (tree / f"({number:03})").touch()
    done = failing("put", "file", "-r", "data@master", "-f", str(tree))
    assert len(done.err.splitlines()) == 22
    assert done.err.endswith("and 180 more\n")


def test_folders_nested_beyond_any_path_are_refused_by_name(failing, tree) -> None:
    at = os.open(tree, os.O_RDONLY)
    for _ in range(40):
        os.mkdir("d" * 100, dir_fd=at)
        below = os.open("d" * 100, os.O_RDONLY, dir_fd=at)
        os.close(at)
        at = below
    os.close(os.open("file", os.O_WRONLY | os.O_CREAT, dir_fd=at))
    os.close(at)
    err = failing("put", "file", "-r", "data@master:/", "-f", str(tree)).err
    assert "at most 3,900 fit" in err or "File name too long" in err
    assert len(err) < 5_000


NOT_TEXT = "a\udcff"


@pytest.mark.parametrize(
    "words",
    [
        ("put", "file", f"data@master:/{NOT_TEXT}", "-f", "-"),
        ("put", "file", "data@master:/x", "-f", f"http://h/{NOT_TEXT}"),
        ("get", "file", f"data@master:/{NOT_TEXT}"),
        ("get", "file", "-r", f"data@master:/{NOT_TEXT}", "-o", "/nowhere"),
        ("list", "file", f"data@master:/{NOT_TEXT}"),
        ("glob", "file", f"data@master:/{NOT_TEXT}*"),
        ("inspect", "file", f"data@master:/{NOT_TEXT}"),
        ("delete", "file", f"data@master:/{NOT_TEXT}"),
        ("inspect", "repo", NOT_TEXT),
        ("inspect", "commit", f"data@{NOT_TEXT}"),
        ("inspect", "pipeline", NOT_TEXT),
        ("logs", "-p", NOT_TEXT),
        ("logs", "-p", "p", "--inputs", NOT_TEXT),
        ("logs", "-j", f"p@{NOT_TEXT}"),
        ("list", "job", "-p", NOT_TEXT),
        ("list", "repo", "--project", NOT_TEXT),
        ("create", "repo", "data", "--description", NOT_TEXT),
        ("create", "repo", NOT_TEXT),
        ("create", "project", NOT_TEXT),
        ("create", "project", "p", "--description", NOT_TEXT),
        ("start", "commit", "data@master", "--description", NOT_TEXT),
        ("finish", "commit", "data@master", "-m", NOT_TEXT),
        ("create", "branch", f"data@{NOT_TEXT}"),
        ("create", "branch", "data@b", "-p", f"data@{NOT_TEXT}"),
        ("create", "pipeline", "-f", NOT_TEXT),
        ("config", "set", "active-context", NOT_TEXT),
        (NOT_TEXT,),
        ("list", NOT_TEXT),
        ("list", "repo", f"--{NOT_TEXT}"),
        ("logs", "-p", "p", "--tail", "9" * 5_000),
        ("logs", "-p", "p", "--tail", "9" * 15),
        ("logs", "-p", "p", "--since", "9" * 400 + "h"),
        ("get", "file", "data@master:/x", "--offset", "9" * 30),
        ("list", "commit", "data", "-n", "9" * 30),
        ("put", "file", "data@master:/x", "-p", "9" * 9, "-f", "-"),
    ],
    ids=lambda words: " ".join(words)[:40].encode("ascii", "backslashreplace").decode(),
)
def test_what_no_message_can_hold_is_refused_in_a_line(failing, words) -> None:
    done = failing(*words, text=b"x")
    assert done.err.count("\n") == 1
    assert "Traceback" not in done.err
    assert len(done.err) < 500
    if any(NOT_TEXT in word for word in words):
        assert "a\\xff" in done.err


def test_a_context_whose_name_is_not_text_is_named(offline) -> None:
    done = offline("list", "repo", PACH_CONTEXT=NOT_TEXT)
    assert (done.code, "a\\xff" in done.err) == (1, True)
    done = offline("list", "repo", PACHD_ADDRESS=NOT_TEXT)
    assert (done.code, "a\\xff" in done.err) == (1, True)


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


@pytest.fixture
def outside(tmp_path: Path) -> Path:
    """A folder beside the target that a get must not touch."""
    folder = tmp_path / "outside"
    folder.mkdir()
    (folder / "kept").write_bytes(b"kept")
    return folder


def save(target: Path, *pieces: tuple[str, bytes, bool, bool], base: str = "/tree") -> None:
    for _ in receiving.save([Arrived(*piece) for piece in pieces], target, base):
        pass


@pytest.mark.parametrize("whole", [True, False])
@pytest.mark.parametrize("kind", ["link", "hard link", "broken link", "pipe", "file", "read-only file"])
def test_what_stands_in_a_file_s_place_is_replaced_and_not_written_through(tmp_path, outside, kind, whole) -> None:
    target = tmp_path / "out"
    (target / "sub").mkdir(parents=True)
    place = target / "sub" / "x"
    match kind:
        case "link":
            place.symlink_to(outside / "kept")
        case "hard link":
            os.link(outside / "kept", place)
        case "broken link":
            place.symlink_to(outside / "new")
        case "pipe":
            os.mkfifo(place)
        case "file":
            place.write_bytes(b"longer than before")
        case _:
            place.write_bytes(b"old")
            place.chmod(0o400)
    pieces = [("/tree/sub/x", b"new", True, whole)] + ([] if whole else [("/tree/sub/x", b"er", False, True)])
    save(target, *pieces)
    assert place.read_bytes() == (b"new" if whole else b"newer")
    assert stat.S_ISREG(place.lstat().st_mode)
    assert {path.name: path.read_bytes() for path in outside.iterdir()} == {"kept": b"kept"}
    assert [path.name for path in place.parent.iterdir()] == ["x"]


@pytest.mark.parametrize("whole", [True, False])
def test_a_link_in_a_folder_s_place_is_refused(tmp_path, outside, whole) -> None:
    target = tmp_path / "out"
    target.mkdir()
    (target / "sub").symlink_to(outside)
    with pytest.raises(CliError, match=f"cannot write below {target}/sub: it is a link; remove it"):
        save(target, ("/tree/a", b"1", True, True), ("/tree/sub/kept", b"new", True, whole))
    (target / "sub").unlink()
    (target / "sub").write_bytes(b"")
    with pytest.raises(CliError, match=f"cannot write below {target}/sub: it is no folder"):
        save(target, ("/tree/sub/deep/kept", b"new", True, whole))
    assert (outside / "kept").read_bytes() == b"kept"
    assert sorted(path.name for path in target.iterdir()) == ["a", "sub"]


def test_a_folder_that_becomes_a_link_meanwhile_leads_nowhere(tmp_path, outside) -> None:
    target = tmp_path / "out"
    pieces = [("/tree/sub/a", b"1", True, True), ("/tree/sub/b", b"2", True, True), ("/tree/top", b"3", True, True)]
    saved = receiving.save([Arrived(*piece) for piece in pieces], target, "/tree")
    next(saved)
    (target / "sub").rename(target / "moved")
    (target / "sub").symlink_to(outside)
    list(saved)
    assert (target / "moved" / "b").read_bytes() == b"2"
    assert [path.name for path in outside.iterdir()] == ["kept"]


def test_a_server_that_sends_a_file_and_then_more_below_it_writes_nothing_outside(tmp_path) -> None:
    target = tmp_path / "some" / "out"
    with pytest.raises(CliError):
        save(target, ("/tree", b"1", True, True), ("/tree/x", b"2", True, True))
    assert [path.name for path in target.parent.iterdir()] == ["out"]


def test_the_folder_that_was_named_may_be_a_link(tmp_path, outside) -> None:
    (tmp_path / "out").symlink_to(outside)
    save(tmp_path / "out", ("/tree/a/b", b"1", True, True), ("/tree/c", b"2", True, True))
    assert (outside / "a" / "b").read_bytes() == b"1"
    assert (outside / "c").read_bytes() == b"2"


def test_one_file_is_written_to_a_pipe_that_the_user_named(pachctl, server, tmp_path) -> None:
    os.mkfifo(tmp_path / "pipe")
    reader = os.open(tmp_path / "pipe", os.O_RDONLY | os.O_NONBLOCK)
    server.answers["GetFile"] = [BytesValue(value=b"hello")]
    pachctl("get", "file", "data@master:/x", "-o", str(tmp_path / "pipe"))
    assert os.read(reader, 10) == b"hello"
    assert stat.S_ISFIFO((tmp_path / "pipe").stat().st_mode)
    os.close(reader)


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
