"""What the shim promises, shown with real processes; PROTOCOL.md is the text."""

from __future__ import annotations

import contextlib
import os
import shutil
import socket
import subprocess
import tempfile
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from hathi.datum import frames
from hathi.datum.frames import Kind
from hathi.datum.sandbox import Sandbox, SandboxGone, Wire
from hathi.datum.shim import binary

Place = Any


def test_output_status_and_input_pass_through(place: Place) -> None:
    outcome = place.sh("cat; echo problem >&2; exit 7", stdin=b"one\ntwo\n")
    assert (outcome.code, outcome.signal, place.out, place.err) == (7, 0, "one\ntwo\n", "problem\n")
    assert outcome.peak_bytes > 0


def test_large_input_and_output_pass_whole(place: Place) -> None:
    data = os.urandom(1 << 20)
    place.run("cat", stdin=data)
    assert place.printed[False] == data


def test_input_that_nobody_reads_is_no_error(place: Place) -> None:
    assert place.run("true", stdin=b"x" * (1 << 20)).code == 0


def test_without_input_the_command_reads_nothing(place: Place) -> None:
    assert place.run("cat").code == 0
    assert place.out == ""


def test_the_command_gets_exactly_the_variables_of_the_request(place: Place) -> None:
    place.run("env", env={"PATH": "/usr/bin:/bin", "HOME": "/there", "A": "b c"})
    assert sorted(place.out.splitlines()) == ["A=b c", "HOME=/there", "PATH=/usr/bin:/bin"]


def test_home_is_added_where_it_lacks(place: Place) -> None:
    place.run("env")
    assert any(line.startswith("HOME=/") for line in place.out.splitlines())


def test_the_command_inherits_no_descriptor(place: Place) -> None:
    place.sh("ls /proc/self/fd")
    assert place.out.split() == ["0", "1", "2", "3"]  # 3 is how ls reads the folder


def test_a_signal_is_reported(place: Place) -> None:
    outcome = place.sh("kill -TERM $$")
    assert (outcome.code, outcome.signal, outcome.timed_out) == (-1, 15, False)


def test_a_command_that_takes_too_long_is_ended(place: Place) -> None:
    outcome = place.run("sleep", "1000", timeout=0.01)
    assert outcome.timed_out
    assert outcome.signal == 9


def test_a_command_can_be_killed_from_another_thread(place: Place) -> None:
    started = threading.Event()
    place._print = lambda piece, stderr: started.set()
    killer = threading.Thread(target=lambda: (started.wait(30), place.sandbox.kill()))
    killer.start()
    outcome = place.sh("echo started; sleep 1000")
    killer.join()
    assert outcome.killed
    assert place.run("true").code == 0, "the sandbox lives on"


@pytest.mark.parametrize(
    ("argv", "more", "text"),
    [
        (["no-such-command"], {}, 'cannot run "no-such-command": no such command in PATH'),
        (["/etc/passwd"], {}, 'cannot run "/etc/passwd": Permission denied'),
        (["/pfs/broken"], {}, "its interpreter or loader does not exist here"),
        (["/pfs/text"], {}, "neither a program for this machine nor a script that begins with #!"),
        (["true"], {"cwd": "/nowhere"}, 'cannot enter working directory "/nowhere": No such file or directory'),
        (["true"], {"user": "no-such-user"}, 'no user "no-such-user" in /etc/passwd'),
    ],
)
def test_what_cannot_be_started_says_why(place: Place, argv: list[str], more: dict[str, str], text: str) -> None:
    for name, content in (("broken", "#!/no/such/interpreter\n"), ("text", "neither\n")):
        (place.folder / name).write_text(content)
        (place.folder / name).chmod(0o755)
    outcome = place.run(*argv, **more)
    assert text in outcome.error
    assert outcome.code == 127


def test_the_folder_is_shown_at_pfs_and_what_is_written_there_stays(place: Place) -> None:
    (place.folder / "in").write_text("given")
    place.sh("cat /pfs/in; echo made > /pfs/out/file; rm /pfs/in")
    assert place.out == "given"
    assert (place.folder / "out" / "file").read_text() == "made\n"
    assert not (place.folder / "in").exists()


def test_a_run_cannot_see_other_folders_of_the_stage(place: Place) -> None:
    (place.folder.parent / "2").mkdir()
    (place.folder.parent / "2" / "secret").touch()
    place.sh("ls /pfs; ls -R / 2>/dev/null | grep -c '^secret$' || true; umount /pfs 2>&1; ls /pfs")
    assert "secret" not in place.out.replace("umount", "")


def test_writes_elsewhere_never_reach_the_host(place: Place) -> None:
    name = f"/etc/hathi-test-{os.getpid()}"
    place.sh(f"echo x > {name}; echo x > /dev/hathi-test; echo x > /proc/sys/kernel/hostname")
    assert not Path(name).exists()
    assert not Path("/dev/hathi-test").exists()


def test_nothing_in_tmp_survives_a_run(place: Place) -> None:
    deep = "/".join(["d"] * 60)
    place.sh(f"mkdir -p /tmp/{deep} /tmp/closed/in; touch /tmp/{deep}/f /tmp/.hidden /dev/shm/g; chmod 000 /tmp/closed")
    place.sh("ls -A /tmp /dev/shm; stat -c %a /tmp")
    assert place.out.split() == ["/dev/shm:", "/tmp:", "1777"]


@pytest.mark.parametrize(
    "path", ["/var/tmp/f", "/etc/f", "/usr/local/bin/f", "$HOME/f", "/f", "$HOME/.cache/deep/er/f"]
)
def test_nothing_that_is_written_anywhere_else_survives_a_run(place: Place, path: str) -> None:
    script = f'mkdir -p "$(dirname "{path}")"; echo left > "{path}"'
    if place.sh(script).code != 0:
        pytest.skip("the host is read-only for sandboxes here")
    place.sh(f'cat "{path}"', continues=True)
    assert place.out == "left\n", "it is there for what belongs to the same datum"
    place.sh(f'ls "{path}"')
    assert place.out == ""


def test_what_a_run_removes_or_changes_is_there_again_for_the_next(place: Place) -> None:
    state = "stat -c '%n %a %u' / /bin /etc /etc/passwd /var /home; readlink /bin; head -n 1 /etc/passwd; ls /"
    place.sh(state)
    before = place.out
    place.sh("chmod 700 /var /etc; echo x >> /etc/passwd; mkdir /more; touch /more/f; chmod 777 /; exec 9<>/etc/hosts; "
             "mv /bin /moved; mkdir /bin; /usr/bin/rm -rf /etc/hosts /home/*")  # fmt: skip
    place.run("/usr/bin/sh", "-c", state, env={"PATH": "/usr/bin"})
    assert place.out == before


def test_what_runs_write_does_not_pile_up(place: Place, tmp_path: Path) -> None:
    """Only what the last one wrote lies on the disk, wherever that was."""
    for number in range(4):
        place.sh(f"head -c 3000000 /dev/zero > /var/tmp/{number}; head -c 3000000 /dev/zero > /etc/{number}")
    assert size_of(tmp_path / "scratch") < 8_000_000
    place.sh("true")
    assert size_of(tmp_path / "scratch") < 1_000_000


def size_of(folder: Path) -> int:
    return sum(path.lstat().st_size for path in folder.rglob("*") if path.is_file() and not path.is_symlink())


def test_shared_memory_of_system_v_does_not_survive_a_run(place: Place) -> None:
    place.sh("ipcmk -M 4096 > /dev/null && wc -l < /proc/sysvipc/shm")
    if place.out != "2\n":
        pytest.skip("no ipcmk here")
    place.sh("wc -l < /proc/sysvipc/shm")
    assert place.out == "1\n", "the heading"


def test_a_run_that_writes_nothing_costs_no_new_mount(place: Place) -> None:
    """Only its own folder's mount has another number; those of the host's folders stay the same."""
    numbers = "grep -v ' /pfs ' /proc/self/mountinfo | cut -d' ' -f1 | sort"
    place.sh(numbers)
    before = place.out
    place.sh(numbers)
    assert place.out == before


def test_a_run_that_continues_sees_what_the_one_before_left(place: Place) -> None:
    place.sh("echo left > /tmp/f; echo out > /pfs/out/f")
    place.sh("cat /tmp/f /pfs/out/f", continues=True)
    assert place.out == "left\nout\n"


def test_no_process_survives_a_run(place: Place) -> None:
    """Not in the background, not in a session of its own, not as an orphan."""
    ours, theirs = socket.socketpair()
    with ours, theirs:
        place.sh("sleep 1000 & (setsid sleep 1000 & ) ; setsid sh -c 'sleep 1000 & sleep 1000' & true")
        place.sh("ls -d /proc/[0-9]*")
        assert len(place.out.split()) <= 3, "process 1, the shell and ls"


def test_output_written_just_before_the_end_is_complete(place: Place) -> None:
    place.sh("(sleep 1000 & echo background) ; head -c 60000 /dev/zero; echo last >&2")
    assert place.out.startswith("background\n")
    assert (len(place.out), place.err) == (60011, "last\n")


def test_hidden_paths_are_empty(start: Callable[..., Place], tmp_path: Path) -> None:
    place = start([Path("/etc/passwd"), Path("/usr/share")])
    place.sh("cat /etc/passwd; ls /usr/share")
    assert place.out == ""


def test_process_one_shows_nothing_of_itself(place: Place) -> None:
    place.sh("cat /proc/1/environ; ls -l /proc/1/fd | grep -- '->'; true")
    assert place.out == ""


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become somebody else")
@pytest.mark.parametrize(("user", "ids"), [("nobody", "65534:65534"), ("12345", "12345:0"), ("12345:678", "12345:678")])
def test_a_user_owns_the_tree_and_runs_the_command(place: Place, user: str, ids: str) -> None:
    (place.folder / "in").touch()
    place.sh("echo $(id -u):$(id -g); stat -c %u:%g /pfs/in; touch /pfs/out/mine", user=user)
    assert place.out.split() == [ids, ids]


def test_links_are_followed_as_the_sandbox_sees_them(place: Place) -> None:
    place.sh(
        "echo temporary > /tmp/f; ln -s /tmp/f /pfs/out/file; ln -s /tmp /pfs/out/folder; ln -s gone /pfs/out/gone"
    )
    look = place.sandbox.look("/pfs/out/file")
    assert (look.kind, look.size, look.error) == (Kind.FILE, 10, "")
    assert b"".join(place.sandbox.read("/pfs/out/file")) == b"temporary\n"
    assert place.sandbox.names("/pfs/out/folder") == ["f"]
    assert place.sandbox.look("/pfs/out/gone").kind is Kind.MISSING


@pytest.mark.parametrize("target", ["/proc/1/root/etc/passwd", "/proc/self/environ", "/dev/zero", "/sys/kernel"])
def test_links_to_the_system_are_refused(place: Place, target: str) -> None:
    place.sh(f"ln -s {target} /pfs/out/link; mkfifo /pfs/out/pipe")
    for path in ("/pfs/out/link", "/pfs/out/pipe"):
        assert place.sandbox.look(path).kind in (Kind.MISSING, Kind.OTHER)
        with pytest.raises(OSError, match=r"."):
            list(place.sandbox.read(path))


def test_everything_dies_with_the_wire(place: Place, tmp_path: Path) -> None:
    """The worker is killed: its end of the socket closes in the middle of a run."""
    with socket.create_server(("127.0.0.1", 0)) as door:
        script = f"exec 9<>/dev/tcp/127.0.0.1/{door.getsockname()[1]}; sleep 1000"
        command = frames.Command(["bash", "-c", script], env={"PATH": "/usr/bin:/bin"}, folder="1")
        place.sandbox._wire.send(frames.run_frame(command))
        guest, _ = door.accept()
        with guest:
            place.sandbox.close()
            assert guest.recv(1) == b"", "the command's connection ended with it"
    assert list((tmp_path / "scratch").iterdir()) == []


def test_a_broken_request_ends_the_shim_with_its_reason(place: Place) -> None:
    place.sandbox._wire.send(frames.HEAD.pack(3, ord("R")) + b"abc")
    with pytest.raises(SandboxGone, match="broken request to run a command"):
        place.sandbox._wire.receive()


def test_a_shim_that_cannot_begin_says_why() -> None:
    ours, theirs = socket.socketpair()
    theirs.sendall(frames.HEAD.pack(4 + 5 + 1, frames.FATAL) + b"\x05\0\0\0never\0")
    with pytest.raises(SandboxGone, match="never"):
        Wire(ours).receive()
    theirs.close()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become somebody else")
def test_a_user_who_is_not_root_gets_a_sandbox_in_a_user_namespace() -> None:
    """The same promises, with the same user inside as outside and no way to write to the host."""
    nobody = 65534
    with tempfile.TemporaryDirectory(dir="/var/tmp") as name, contextlib.ExitStack() as stack:
        folder = Path(name)
        for path in (folder, folder / "stage", folder / "stage" / "1", folder / "scratch"):
            path.mkdir(exist_ok=True)
            os.chown(path, nobody, nobody)
        shim = shutil.copy(binary(), folder)
        ours, theirs = socket.socketpair()
        options = ["--fd", str(theirs.fileno()), "--stage", f"{name}/stage", "--scratch", f"{name}/scratch"]
        process = subprocess.Popen(
            [shim, "sandbox", *options], env={}, pass_fds=[theirs.fileno()], user=nobody, group=nobody, extra_groups=[]
        )
        theirs.close()
        stack.callback(process.wait)
        stack.callback(process.kill)
        try:
            sandbox = stack.enter_context(Sandbox(Wire(ours)))
        except SandboxGone as error:
            pytest.skip(f"users may not make namespaces here: {error}")
        printed: list[bytes] = []
        script = (
            "id -u; test $HOME = /root && echo whose home; "
            "ls $HOME/f /tmp/f /var/tmp/f 2>/dev/null; touch /var/tmp/f 2>/dev/null; "
            "touch $HOME/f /tmp/f /pfs/f && echo written; touch /dev/f 2>/dev/null || echo refused"
        )
        command = frames.Command(["sh", "-c", script], {"PATH": "/usr/bin:/bin"}, folder="1")
        for _ in range(2):
            printed.clear()
            sandbox.run(command, lambda piece, stderr: printed.append(piece))
            assert b"".join(printed).decode().split() == ["65534", "written", "refused"]
        assert sandbox.hello.user_namespace
        assert sandbox.run(frames.Command(["true"], user="root"), lambda *_: None).error.startswith(
            "cannot run as user"
        )


def test_an_entry_of_tmp_that_is_shown_is_read_by_every_run_and_written_by_none(
    start: Callable[..., Place],
) -> None:
    with tempfile.TemporaryDirectory(dir="/tmp") as folder:
        (Path(folder) / "program").write_text("echo shown")
        place = start(show=[Path(folder)])
        for _ in range(2):
            assert place.sh(f"sh {folder}/program; ls -A /tmp; echo litter > /tmp/litter").code == 0
            assert place.out.split() == ["shown", Path(folder).name]
            place.sh(f"echo x > {folder}/new || echo refused; rm -rf {folder}")
            assert place.out == "refused\n"
        assert (Path(folder) / "program").exists()


@pytest.fixture
def home() -> Iterator[Path]:
    """A home folder with a secret, and a program and its configuration to be shown."""
    with tempfile.TemporaryDirectory(dir="/var/tmp") as name:
        folder = Path(name)
        for file in ("secret", ".tool/bin/program", ".tool/secret", "more/secret"):
            (folder / file).parent.mkdir(parents=True, exist_ok=True)
            (folder / file).write_text(f"echo {file}")
        yield folder


def test_of_a_covered_folder_only_what_is_shown_is_there(start: Callable[..., Place], home: Path) -> None:
    place = start(hide=[home / ".tool/secret"], cover=[home], show=[home / ".tool"], own=[home / "more"])
    for _ in range(2):
        place.sh(f"cd {home}; find . | sort; cat .tool/secret; sh .tool/bin/program")
        assert place.out.split("\n") == [
            ".", "./.tool", "./.tool/bin", "./.tool/bin/program", "./.tool/secret", "./more", ".tool/bin/program", "",
        ]  # fmt: skip
        place.sh(f"rm -rf {home}/.tool/bin {home}/more; echo x > {home}/new; echo x > {home}/.tool/new")
    assert (home / ".tool/bin/program").exists()
    assert not (home / "new").exists()


def test_a_covered_folder_that_was_turned_around_is_as_it_was_for_the_next_run(
    start: Callable[..., Place], home: Path
) -> None:
    """What is shown lies two folders deep, so that these can be moved away with it, replaced or closed."""
    place = start(cover=[home], show=[home / ".tool/bin"], own=[home / "more"])
    state = f"cd {home}; find . -printf '%P %m %y %U\\n' | sort; sh .tool/bin/program"
    place.sh(state)
    before = place.out
    assert ".tool/bin/program" in before
    for damage in (
        "mv .tool .moved",
        "chmod 000 .tool; chmod 700 .",
        "mv .tool x; ln -s x .tool",
        "rm -r more; touch more",
    ):
        assert place.sh(f"cd {home}; mkdir -p a/b more/c; echo x > a/b/f; touch .tool/new; {damage}").code == 0
        place.sh(state)
        assert place.out == before


def test_no_way_leads_around_a_cover(start: Callable[..., Place], home: Path) -> None:
    """Not over the root of process 1, its folder, or a mount that can be taken away."""
    place = start(cover=[home])
    name = str(home).removeprefix("/")
    ways = ["/proc/1/root", "/proc/self/root", "/proc/1/cwd", "/proc/1/fd/*", "/pfs", "/pfs/..", "/.", "/var/tmp/.."]
    place.sh(f"umount -l /pfs; umount -l /pfs; umount -l {home}; for way in " + " ".join(ways) + "; do "
             f"cat $way/{name}/secret $way/../../{name}/secret; done; cd /pfs; cat ../{name}/secret; "
             f"unshare -rm sh -c 'umount -l /pfs; umount -l {home}; cat {home}/secret'; true")  # fmt: skip
    assert place.out == ""


@pytest.mark.parametrize("cover", ["/root", "/home"])
def test_a_home_that_is_a_top_level_folder_can_be_covered(start: Callable[..., Place], cover: str) -> None:
    place = start(cover=[Path(cover)])
    for _ in range(2):
        place.sh(f"ls -A {cover}; touch {cover}/mine")
        assert place.out == ""
