"""What a start refuses, in one clear line: folders, files and databases that are lost, damaged or of something else."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from databases import database_url

from hathi.model.errors import HathiError
from hathi.server import compose
from hathi.server.compose import Server
from hathi.server.config import Settings
from hathi.wire.client import Client
from hathi.wire.gen import pfs_pb2

BIN = Path(sys.executable).parent


@pytest.fixture
def serve(tmp_path: Path) -> Iterator[Callable[..., Server]]:
    """Starts servers; those still at work are stopped at the end."""
    started: list[Server] = []

    def start(root: Path | None = None, **settings: object) -> Server:
        values: dict[str, object] = {"port": 0, "runtime": "external", **settings}
        server = Server(Settings(root=root or tmp_path / "root", **values))  # type: ignore[arg-type]
        address = server.start()
        started.append(server)
        server.client_address = address  # type: ignore[attr-defined]
        return server

    yield start
    for server in started:
        server.stop()


def put(server: Server) -> None:
    with Client(server.client_address) as client:  # type: ignore[attr-defined]
        repo = pfs_pb2.Repo(name="data", type="user", project=pfs_pb2.Project(name="default"))
        client.pfs.CreateRepo(pfs_pb2.CreateRepoRequest(repo=repo))
        commit = pfs_pb2.Commit(repo=repo, branch=pfs_pb2.Branch(repo=repo, name="master"))
        file = pfs_pb2.AddFile(path="/a", raw={"value": b"contents"})
        client.pfs.ModifyFile(
            iter([pfs_pb2.ModifyFileRequest(set_commit=commit), pfs_pb2.ModifyFileRequest(add_file=file)])
        )


def used(serve: Callable[..., Server], **settings: object) -> Path:
    """A root folder with data, whose server has stopped."""
    server = serve(**settings)
    put(server)
    server.stop()
    return server.settings.root


def refusal(serve: Callable[..., Server], root: Path | None = None, **settings: object) -> str:
    with pytest.raises(HathiError) as error:
        serve(root, **settings)
    assert "\n" not in str(error.value)
    return str(error.value)


@pytest.mark.parametrize("name", ["runtime", "cluster-id"])
@pytest.mark.parametrize("word", ["", "\n", "nonsense", "\x00\x00\x00"])
def test_a_file_that_decides_something_is_refused_when_it_is_empty_or_unknown(
    serve: Callable[..., Server], name: str, word: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("hathi.server.runtimes.best", lambda: "external")
    root = used(serve, runtime="auto")
    path = root / name
    known = path.read_text().strip()
    path.write_text(word)
    text = refusal(serve, runtime="auto")
    assert str(path) in text and ("is empty" if not word.strip() else repr(word.strip())) in text
    assert "start again" in text and (known in text or name == "runtime")
    path.write_text(known)
    serve(runtime="auto")


def test_such_files_are_synced_before_they_have_their_name_and_again_after(
    serve: Callable[..., Server], monkeypatch: pytest.MonkeyPatch
) -> None:
    happened: list[str] = []
    rename, sync = Path.rename, os.fsync
    monkeypatch.setattr(Path, "rename", lambda path, to: (happened.append(f"rename {to.name}"), rename(path, to))[1])
    monkeypatch.setattr(compose.root_folder.os, "fsync", lambda file: (happened.append("fsync"), sync(file))[1])
    compose.root_folder.write_word(serve().settings.root / "word", "yes")
    assert happened[-3:] == ["fsync", "rename word", "fsync"]


@pytest.mark.parametrize("lose", ["missing", "empty"])
def test_a_lost_database_beside_objects_is_refused_and_not_made_anew(serve: Callable[..., Server], lose: str) -> None:
    root = used(serve)
    database = root / "pachd.db"
    kept = database.read_bytes()
    if lose == "missing":
        database.unlink()
    else:
        database.write_bytes(b"")
    text = refusal(serve)
    assert "restore the database, or choose another folder with --root" in text and str(root / "objects") in text
    assert not database.exists() or not database.read_bytes()
    database.write_bytes(kept)
    serve()


def test_a_fresh_database_elsewhere_is_refused_beside_objects(serve: Callable[..., Server], tmp_path: Path) -> None:
    used(serve)
    assert "restore the database" in refusal(serve, database=f"sqlite:///{tmp_path / 'new.db'}")


def test_missing_objects_of_a_database_with_data_are_refused(serve: Callable[..., Server]) -> None:
    root = used(serve)
    shutil.rmtree(root / "objects")
    assert "is its disk mounted?" in refusal(serve)


def test_a_second_server_with_another_folder_on_the_same_database_is_refused(
    serve: Callable[..., Server], tmp_path: Path
) -> None:
    url = f"sqlite:///{tmp_path / 'shared.db'}"
    first = serve(database=url)
    text = refusal(serve, tmp_path / "other", database=url)
    assert "belongs to the installation" in text
    assert f"process {os.getpid()}, root folder {first.settings.root}" in text
    first.stop()
    assert "belongs to the installation" in refusal(serve, tmp_path / "other", database=url)
    serve(database=url)


def test_folders_of_two_installations_are_not_mixed(serve: Callable[..., Server], tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'shared.db'}"
    used(serve, database=url)
    other = serve(tmp_path / "other")
    other.stop()
    word = (tmp_path / "other" / "cluster-id").read_text().strip()
    assert word in refusal(serve, tmp_path / "other", database=url)


def test_a_copy_of_a_root_folder_is_refused_and_one_that_was_moved_is_not(
    serve: Callable[..., Server], tmp_path: Path
) -> None:
    url = f"sqlite:///{tmp_path / 'shared.db'}"
    root = used(serve, database=url)
    shutil.copytree(root, tmp_path / "copy")
    assert "is a copy of" in refusal(serve, tmp_path / "copy", database=url)
    root.rename(tmp_path / "moved")
    serve(tmp_path / "moved", database=url)


def test_a_root_folder_with_its_database_may_be_copied(serve: Callable[..., Server], tmp_path: Path) -> None:
    root = used(serve)
    shutil.copytree(root, tmp_path / "copy")
    serve(tmp_path / "copy")
    serve(root)


def test_the_lost_id_of_a_folder_comes_back_from_the_database_beside_it(serve: Callable[..., Server]) -> None:
    root = used(serve)
    word = (root / "cluster-id").read_text()
    (root / "cluster-id").unlink()
    serve()
    assert (root / "cluster-id").read_text() == word


def test_a_full_disk_is_told_plainly(serve: Callable[..., Server], monkeypatch: pytest.MonkeyPatch) -> None:
    def full(path: Path, word: str) -> None:
        raise OSError(28, "No space left on device", str(path))

    monkeypatch.setattr(compose.root_folder, "write_word", full)
    assert "the disk is full; make room, then start again" in refusal(serve)


def test_a_database_is_taken_over_at_once_from_a_server_that_was_killed_and_by_nobody_while_it_lives(
    tmp_path: Path, serve: Callable[..., Server]
) -> None:
    url = database_url(tmp_path / "shared.db")
    root = tmp_path / "first"
    command = [str(BIN / "pachd"), "--root", str(root), "--port", "0", "--runtime", "external", "--database", url]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None and process.stdout.readline()
        root.rename(tmp_path / "moved")  # its lock is still held, by whatever name
        assert "another pachd serves" in refusal(serve, tmp_path / "moved", database=url)
        shutil.copytree(tmp_path / "moved", tmp_path / "copy")
        shutil.rmtree(tmp_path / "moved")
        text = refusal(serve, tmp_path / "copy", database=url)
        assert f"in use by pachd on {socket.gethostname()} (process {process.pid}, root folder {root})" in text
    finally:
        process.kill()
        process.wait(60)
    serve(tmp_path / "copy", database=url)


# What follows runs the real program, since it is about what a person sees.


def pachd(*words: str, root: Path, wrap: tuple[str, ...] = ()) -> str:
    """Run a pachd that cannot start, and return what it says."""
    command = [*wrap, str(BIN / "pachd"), "--root", str(root), "--port", "0", "--runtime", "external", *words]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120)
    assert done.returncode == 1, (done.returncode, done.stdout, done.stderr)
    assert "Traceback" not in done.stderr, done.stderr
    [line] = done.stderr.splitlines()
    assert line.startswith("pachd: ")
    return line


@pytest.mark.parametrize(
    ("url", "told"),
    [
        ("postgresql://u:secret@localhost:port/d", "must look like"),
        ("postgresql://u:secret@localhost:99999/d", ""),
        ("postgresql://u:secret@127.0.0.1:1/d", "refused"),
        ("postgresql://u:secret@no-such-host.invalid/d", "no-such-host.invalid"),
        ("oracle://u:secret@h/d", "oracle"),
        ("nonsense", "must look like"),
        ("sqlite:////proc/none/x.db", "folder of the database /proc/none"),
    ],
)
def test_a_database_that_cannot_be_used_is_one_line(tmp_path: Path, url: str, told: str) -> None:
    line = pachd("--database", url, root=tmp_path / "root")
    assert told in line and "secret" not in line


@pytest.mark.parametrize("contents", [b"no database" * 1000, b"SQLite format 3\x00" + b"\xff" * 5000])
def test_a_damaged_database_is_one_line(tmp_path: Path, contents: bytes) -> None:
    root = tmp_path / "root"
    root.mkdir(mode=0o700)
    (root / "pachd.db").write_bytes(contents)
    assert "database" in pachd(root=root)


def test_a_root_folder_that_is_no_folder_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "root").write_text("")
    assert str(tmp_path / "root") in pachd(root=tmp_path / "root")
    assert "cannot use the root folder" in pachd(root=tmp_path / "root" / "below")
    assert "cannot use the root folder" in pachd(root=Path("/proc/none"))


def small_disk(tmp_path: Path, script: str) -> tuple[str, ...]:
    """Words that run a command with a tmpfs of 1 MiB at `tmp_path`, after a shell script there."""
    probe = ["unshare", "-rm", "mount", "-t", "tmpfs", "none", str(tmp_path)]
    if shutil.which("unshare") is None or subprocess.run(probe, capture_output=True).returncode:
        pytest.skip("no file system can be mounted here (unshare -rm)")
    return ("unshare", "-rm", "sh", "-ec", f'mount -t tmpfs -o size=1m none "{tmp_path}"; {script}; exec "$@"', "sh")


def test_a_disk_that_is_full_from_the_start_is_one_line(tmp_path: Path) -> None:
    wrap = small_disk(tmp_path, f"head -c 2000000 /dev/zero > {tmp_path}/rest 2>/dev/null || true")
    pachd(root=tmp_path / "root", wrap=wrap)


@pytest.mark.parametrize("left", (4, 64, 184, 300))
def test_a_disk_that_becomes_full_at_any_point_of_the_start_is_one_line(tmp_path: Path, left: int) -> None:
    wrap = small_disk(tmp_path, f"head -c $((1048576 - {left} * 1024)) /dev/zero > {tmp_path}/rest")
    command = [*wrap, "timeout", "-s", "TERM", "20", str(BIN / "pachd"), "--root", str(tmp_path / "root")]
    command += ["--port", "0", "--runtime", "external"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert process.stdout is not None and process.stderr is not None
    if process.stdout.readline():  # there was room enough
        process.terminate()
    errors = process.stderr.read()
    process.wait(60)
    assert "Traceback" not in errors, errors


def test_the_root_folder_and_its_files_are_private(tmp_path: Path) -> None:
    root = tmp_path / "root"
    root.mkdir(mode=0o755)
    command = [str(BIN / "pachd"), "--root", str(root), "--port", "0", "--runtime", "process"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, umask=0o000)
    try:
        assert process.stdout is not None
        address = process.stdout.readline().split()[-1]
        with Client(address) as client:
            repo = pfs_pb2.Repo(name="data", type="user", project=pfs_pb2.Project(name="default"))
            client.pfs.CreateRepo(pfs_pb2.CreateRepoRequest(repo=repo))
            commit = pfs_pb2.Commit(repo=repo, branch=pfs_pb2.Branch(repo=repo, name="master"))
            file = pfs_pb2.AddFile(path="/a", raw={"value": b"contents" * 1000})
            client.pfs.ModifyFile(
                iter([pfs_pb2.ModifyFileRequest(set_commit=commit), pfs_pb2.ModifyFileRequest(add_file=file)])
            )
        modes = {path: path.lstat().st_mode & 0o777 for path in [root, *root.rglob("*")]}
    finally:
        process.terminate()
        process.wait(60)
    assert modes[root] == 0o700
    assert not [path for path, mode in modes.items() if mode & 0o077], modes
