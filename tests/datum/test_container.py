"""The worker's end of a container: its folders, and who it takes for the shim. A thread plays the shim."""

from __future__ import annotations

import os
import socket
import struct
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from hathi.datum import container, frames
from hathi.datum.container import SHIM, SOCKET, Box, Ending, Link, box_folder
from hathi.datum.frames import Command, Outcome
from hathi.datum.sandbox import Sandbox, SandboxFailed, SandboxGone


@pytest.fixture
def shim(tmp_path: Path) -> Path:
    path = tmp_path / "the-shim"
    path.write_bytes(b"shim")
    path.chmod(0o755)
    return path


@pytest.fixture
def box(tmp_path: Path, shim: Path) -> Box:
    return Box(tmp_path / "box", shim)


@pytest.fixture
def datum(tmp_path: Path) -> Path:
    folder = tmp_path / "stage" / "7"
    (folder / "in" / "deep").mkdir(parents=True)
    (folder / "in" / "deep" / "a").write_text("input")
    (folder / "out").mkdir()
    (folder / ".env").write_text("A=b")
    return folder


def test_the_link_folder_holds_the_shim_and_nothing_of_it_when_the_image_brings_one(tmp_path: Path, box: Box) -> None:
    assert (box.link / SHIM).read_bytes() == b"shim"
    assert os.access(box.link / SHIM, os.X_OK)
    assert list(Box(tmp_path / "other", None).link.iterdir()) == []


@contextmanager
def mounted(folder: Path) -> Iterator[Callable[[], list[str]]]:
    """Hold a folder itself, as a mount does, and give what lists it whatever it is called by then."""
    descriptor = os.open(folder, os.O_RDONLY)

    def names() -> list[str]:
        with os.scandir(descriptor) as entries:
            return sorted(entry.name for entry in entries)

    yield names
    os.close(descriptor)


def test_what_is_mounted_shows_the_datum_and_its_path_stays_good(box: Box, datum: Path) -> None:
    with mounted(box.pfs) as names:
        box.show(datum)
        assert names() == [".env", "in", "out"]
        (datum / "out" / "result").write_text("made")
        box.withdraw()
        assert names() == []
        assert (datum / "out" / "result").read_text() == "made"
        assert (datum / "in" / "deep" / "a").read_text() == "input"


def test_showing_the_next_datum_withdraws_the_one_before(box: Box, datum: Path) -> None:
    following = datum.parent / "8"
    (following / "out").mkdir(parents=True)
    box.show(datum)
    (box.link / SHIM).unlink()
    box.show(following)
    assert sorted(path.name for path in datum.iterdir()) == [".env", "in", "out"]
    assert [path.name for path in following.iterdir()] == ["out"]


def test_a_folder_that_user_code_took_the_permissions_of_is_withdrawn(box: Box, datum: Path) -> None:
    box.show(datum)
    datum.chmod(0)
    box.withdraw()
    assert box.pfs.stat().st_mode & 0o777 == 0o755
    assert (datum / "out").is_dir()


def test_removing_a_box_leaves_the_datum_that_it_shows(tmp_path: Path, box: Box, datum: Path) -> None:
    box.show(datum)
    box.remove()
    assert not (tmp_path / "box").exists()
    assert (datum / "in" / "deep" / "a").exists()


class Shims:
    """Plays shims for a link: connects where it listens, says hello, and answers each run as told."""

    def __init__(self, folder: Path, shim: Path) -> None:
        self.folder = folder
        self.stage = folder / "stage"
        self.stage.mkdir(exist_ok=True)
        self.said: list[str] = []
        self.files: dict[str, bytes] = {}
        self._changed = threading.Condition()
        self.link = Link(folder, self.stage, shim, self._note)

    def _note(self, line: str) -> None:
        with self._changed:
            self.said.append(line)
            self._changed.notify_all()

    def asked(self, serial: int) -> str:
        """Wait until a container is asked for and return its token."""
        with self._changed:
            start = f"listening {serial} "
            assert self._changed.wait_for(lambda: any(line.startswith(start) for line in self.said), 60), self.said
            return next(line for line in self.said if line.startswith(start)).split()[2]

    def ready(self, times: int = 1) -> None:
        with self._changed:
            assert self._changed.wait_for(lambda: self.said.count("ready") == times, 60), self.said

    def connect(self, serial: int, token: str, runs: Callable[[socket.socket], None] | None = None) -> socket.socket:
        connection = socket.socket(socket.AF_UNIX)
        folder = os.open(box_folder(self.folder, serial) / "link", os.O_RDONLY)
        connection.connect(f"/proc/self/fd/{folder}/{SOCKET}")
        os.close(folder)
        send(connection, b"H", struct.pack("<IIII", 1, 0, 0, 0) + text(token))
        threading.Thread(target=self._serve, args=(connection, runs), daemon=True).start()
        return connection

    def _serve(self, connection: socket.socket, runs: Callable[[socket.socket], None] | None) -> None:
        with connection:
            stream = connection.makefile("rb")
            while head := stream.read(frames.HEAD.size):
                size, kind = frames.HEAD.unpack(head)
                payload = stream.read(size)
                if kind == ord("R"):
                    if runs is None:
                        send(connection, b"X", struct.pack("<iIIQQQQ", 0, 0, 0, 0, 0, 0, 0) + text(""))
                    else:
                        runs(connection)
                elif kind == ord("G"):
                    data = self.files.get(frames.text_of(payload))
                    if data is not None:
                        send(connection, b"D", data)
                    send(connection, b"g", text("" if data is not None else "No such file or directory"))


def send(connection: socket.socket, kind: bytes, payload: bytes) -> None:
    try:
        connection.sendall(frames.HEAD.pack(len(payload), kind[0]) + payload)
    except OSError:
        pass  # the link has hung up


def text(value: str) -> bytes:
    return struct.pack("<I", len(value)) + value.encode() + b"\0"


@pytest.fixture
def shims(tmp_path: Path, shim: Path) -> Iterator[Shims]:
    yield Shims(tmp_path, shim)


def met(shims: Shims, runs: Callable[[socket.socket], None] | None = None) -> tuple[Sandbox, socket.socket]:
    connection = shims.connect(1, shims.asked(1), runs)
    shims.ready()
    return shims.link.get(), connection


def test_once_the_shim_has_connected_nothing_is_left_to_connect_to(shims: Shims, tmp_path: Path) -> None:
    met(shims)
    assert [path.name for path in (box_folder(tmp_path, 1) / "link").iterdir()] == [SHIM]


def test_who_does_not_know_the_token_is_not_the_shim(shims: Shims) -> None:
    token = shims.asked(1)
    stranger = shims.connect(1, "guessed")
    sandbox, _ = met(shims)
    assert token != "guessed"
    assert sandbox.run(Command(["true"]), lambda piece, errors: None) == Outcome(0)
    stranger.close()


def test_a_path_longer_than_an_address_holds_is_no_matter(tmp_path: Path, shim: Path) -> None:
    deep = tmp_path / ("long" * 40)
    deep.mkdir()
    met(Shims(deep, shim))


def test_when_a_container_has_ended_another_is_asked_for_and_met(shims: Shims) -> None:
    first, connection = met(shims)
    connection.shutdown(socket.SHUT_RDWR)
    shims.connect(2, shims.asked(2))
    shims.ready(2)
    second = shims.link.get()
    assert second is not first
    assert first.closed
    assert second.run(Command(["true"]), lambda piece, errors: None).code == 0


def dies(connection: socket.socket) -> None:
    connection.shutdown(socket.SHUT_RDWR)


def test_the_end_of_a_container_is_explained_from_outside(shims: Shims) -> None:
    sandbox, _ = met(shims, dies)
    shims.link.ended(1, Ending("the machine went away"))
    with pytest.raises(SandboxGone, match="the machine went away") as caught:
        sandbox.run(Command(["true"]), lambda piece, errors: None)
    assert caught.value.blameless


def test_a_container_that_was_killed_for_memory_blames_its_datum(shims: Shims) -> None:
    sandbox, _ = met(shims, dies)
    shims.link.ended(1, Ending("too greedy", blameless=False))
    with pytest.raises(SandboxGone, match="too greedy") as caught:
        sandbox.run(Command(["true"]), lambda piece, errors: None)
    assert not caught.value.blameless


def test_without_an_explanation_the_datum_is_not_to_blame(shims: Shims, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(container, "ENDING_SECONDS", 0.0)
    sandbox, _ = met(shims, dies)
    with pytest.raises(SandboxGone) as caught:
        sandbox.run(Command(["true"]), lambda piece, errors: None)
    assert caught.value.blameless


def test_the_shims_own_last_words_are_the_reason(shims: Shims) -> None:
    def fails(connection: socket.socket) -> None:
        send(connection, b"F", text("cannot empty /tmp"))
        dies(connection)

    sandbox, _ = met(shims, fails)
    with pytest.raises(SandboxFailed, match="cannot empty /tmp") as caught:
        sandbox.run(Command(["true"]), lambda piece, errors: None)
    assert not caught.value.blameless


def ends_by_signal(connection: socket.socket) -> None:
    send(connection, b"X", struct.pack("<iIIQQQQ", -1, 9, 0, 0, 0, 0, 0) + text(""))


@pytest.mark.parametrize(
    ("counter", "limit", "told"),
    [
        ("/sys/fs/cgroup/memory.events", "/sys/fs/cgroup/memory.max", "its limit of 64 MiB"),
        (
            "/sys/fs/cgroup/memory/memory.oom_control",
            "/sys/fs/cgroup/memory/memory.limit_in_bytes",
            "its limit of 64 MiB",
        ),
        ("/sys/fs/cgroup/memory.events", "nowhere", "the machine has"),
    ],
)
def test_a_command_that_was_killed_for_memory_tells_the_limit(
    shims: Shims, counter: str, limit: str, told: str
) -> None:
    """The kernel counts such kills; a kill that it did not count has another reason."""
    shims.files = {counter: b"low 0\noom_kill 4\n", limit: b"67108864\n"}
    sandbox, _ = met(shims, ends_by_signal)
    assert sandbox.run(Command(["true"]), lambda piece, errors: None).memory == ""
    shims.files[counter] = b"low 0\noom_kill 5\n"
    assert sandbox.run(Command(["true"]), lambda piece, errors: None).memory == told
    assert sandbox.run(Command(["true"]), lambda piece, errors: None).memory == ""


def test_a_datum_is_shown_for_its_run_and_for_what_continues_it(shims: Shims) -> None:
    for serial in "12":
        (shims.stage / serial / "out").mkdir(parents=True)
    sandbox, _ = met(shims)
    with mounted(box_folder(shims.folder, 1) / "pfs") as names:
        sandbox.run(Command(["true"], folder="1"), lambda piece, errors: None)
        (shims.stage / "1" / "left").write_text("by the first run")
        sandbox.run(Command(["true"], folder="1", continues=True), lambda piece, errors: None)
        assert "left" in names()
        sandbox.run(Command(["true"], folder="2"), lambda piece, errors: None)
        assert names() == ["out"]
        sandbox.withdraw()
        assert names() == []
