"""Control groups: those of this machine where it lets us have some, and a version 2 hierarchy made of plain folders."""

from __future__ import annotations

import errno
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from hathi.datum.cgroup import Cgroup
from hathi.datum.command import reason_of
from hathi.datum.frames import Command, Outcome
from hathi.datum.hidden import HostView
from hathi.datum.limits import Bounds
from hathi.datum.sandbox import Sandbox, SandboxGone, start_sandbox
from hathi.datum.shim import binary
from hathi.runtimes.cgroups import Cgroups, Mounted, _groups, _mounted
from hathi.runtimes.keeping.place import Place
from hathi.runtimes.process import ProcessRuntime, cgroup_record

LIMITED = Bounds(memory=64 << 20, processes=100, cpu=1)
"""Limits of every kind: their group is in each hierarchy."""

HOG = "data = b'x' * int(300e6)"
FORKS = """
import os, signal, sys
made = 0
try:
    while made < 500:
        if os.fork() == 0:
            signal.pause()
        made += 1
except OSError:
    print(made)
    sys.exit(3)
"""


# ---- of this machine ----


@pytest.fixture
def cgroups(tmp_path: Path) -> Iterator[Cgroups]:
    made = Cgroups(f"hathi-test-{os.getpid()}-{tmp_path.name}")
    yield made
    made.close()
    assert not [base.folder for base in made.bases if base.folder.exists()], "nothing is left"


@pytest.fixture
def bound(cgroups: Cgroups, tmp_path: Path) -> Iterator[Callable[..., Sandbox]]:
    """Makes sandboxes with bounds; skips where those cannot be had."""
    made: list[tuple[Sandbox, Cgroup]] = []

    def make(controller: str, **bounds: int) -> Sandbox:
        if controller not in cgroups.able:
            pytest.skip(f"no {controller} controller can be had here")
        (tmp_path / "stage/1").mkdir(parents=True, exist_ok=True)
        (tmp_path / "scratch").mkdir(exist_ok=True)
        group = cgroups.make(f"worker-{len(made)}", Bounds(**bounds))
        try:
            sandbox = start_sandbox(binary(), tmp_path / "stage", tmp_path / "scratch", HostView(), group)
        except SandboxGone as error:
            cgroups.remove(group)
            pytest.skip(f"no sandbox can be made here: {error}")
        made.append((sandbox, group))
        return sandbox

    yield make
    for sandbox, group in made:
        sandbox.close()
        cgroups.remove(group)


def python(sandbox: Sandbox, program: str, printed: list[bytes] | None = None) -> Outcome:
    python = str(Path(sys.executable).resolve())  # a virtual environment in /tmp is not seen in a sandbox
    command = Command([python, "-Sc", program], {"PATH": "/usr/bin:/bin"}, folder="1")
    return sandbox.run(command, lambda piece, stderr: None if printed is None else printed.append(piece))


def test_a_command_that_needs_more_memory_than_its_limit_is_killed_and_the_reason_says_so(
    bound: Callable[..., Sandbox],
) -> None:
    sandbox = bound("memory", memory=64 << 20)
    assert reason_of(python(sandbox, HOG), 0) == "it was killed for using more memory than its limit of 64 MiB"
    assert python(sandbox, "data = b'x' * int(20e6)").code == 0, "the sandbox goes on, for who needs less"
    assert python(sandbox, "raise SystemExit(1)").memory == "", "what fails otherwise is not blamed on memory"


def test_a_fork_bomb_reaches_its_limit_and_the_reason_says_so(bound: Callable[..., Sandbox]) -> None:
    printed: list[bytes] = []
    outcome = python(bound("pids", processes=30), FORKS, printed)
    assert reason_of(outcome, 0) == (
        "the command exited with status 3, after it could not start more than 30 processes"
    )
    assert int(b"".join(printed)) < 30


def test_a_group_is_removed_with_what_is_left_in_it(cgroups: Cgroups) -> None:
    if not cgroups.bases:
        pytest.skip("no cgroup can be had here")
    group = cgroups.make("worker", LIMITED)
    assert group.folders
    with subprocess.Popen(["sleep", "1000"]) as process:
        for folder in group.folders:
            (folder / "cgroup.procs").write_text(str(process.pid))
        cgroups.remove(group)
        assert process.wait() == -9
    assert not [folder for folder in group.folders if folder.exists()]


def test_what_a_killed_server_left_is_removed_by_the_next(tmp_path: Path) -> None:
    place = Place(lambda: "", tmp_path / "workers")
    dead = ProcessRuntime(place)
    left = [Path(line) for line in cgroup_record(place.scratch).read_text().splitlines()]
    if not left:
        pytest.skip("no cgroup can be had here")
    group = dead._cgroups.make("p-v1-0-abc", LIMITED)
    assert group.folders
    dead._cgroups.let_go()
    following = ProcessRuntime(place)
    assert not [folder for folder in group.folders if folder.exists()]
    following.close()
    assert not [folder for folder in left if folder.exists()]


def test_a_server_removes_what_others_left_that_live_no_more_and_nothing_of_one_that_lives(tmp_path: Path) -> None:
    name = f"hathi-test-{os.getpid()}-{tmp_path.name}"
    dead, alive = Cgroups(f"{name}-dead"), Cgroups(f"{name}-alive")
    if not dead.bases:
        pytest.skip("no cgroup can be had here")
    left = [*dead.make("worker", LIMITED).folders, *(base.folder for base in dead.bases)]
    dead.let_go()
    following = Cgroups(f"{name}-following")
    assert not [folder for folder in left if folder.exists()]
    assert all(base.folder.exists() for base in (*alive.bases, *following.bases))
    for each in (alive, following):
        each.close()


def test_where_none_can_be_had_the_pipeline_says_which_limits_do_not_hold(tmp_path: Path) -> None:
    runtime = ProcessRuntime(Place(lambda: "", tmp_path / "workers"), cgroups=Cgroups("none", []))
    limits = {"memory": "64M", "cpu": 1.0, "gpu": {"number": 1}}
    memory, cpu, gpu = runtime.unenforced({"resource_limits": limits})
    assert memory.startswith("resource_limits.memory is not enforced: pachd can make no cgroup here; to let it,")
    assert cpu.startswith("resource_limits.cpu is not enforced: ")
    assert gpu.startswith("resource_limits.gpu is not enforced: ")
    assert runtime.unenforced({"resource_requests": {"memory": "64M"}}) == []


# ---- where they are ----


VERSION_1 = """\
31 23 0:28 / /sys/fs/cgroup rw,relatime - tmpfs tmpfs rw,mode=755
32 31 0:29 / /sys/fs/cgroup/cpu,cpuacct rw,relatime shared:9 - cgroup cgroup rw,cpu,cpuacct
35 31 0:32 / /sys/fs/cgroup/memory rw,relatime - cgroup cgroup rw,memory
40 31 0:37 / /sys/fs/cgroup/systemd rw,relatime - cgroup cgroup rw,name=systemd
41 31 0:38 / /sys/fs/cgroup/unified rw,relatime - cgroup2 cgroup2 rw,nsdelegate
"""


@pytest.mark.parametrize(
    ("groups", "mounts", "found"),
    [
        (
            "5:cpu,cpuacct:/a\n4:memory:/a/b\n1:name=systemd:/\n0::/user.slice\n",
            VERSION_1,
            {"cpu,cpuacct": "cpu,cpuacct/a", "memory": "memory/a/b", "": "unified/user.slice"},
        ),
        ("0::/\n", "31 23 0:28 / /sys/fs/cgroup ro - cgroup2 cgroup rw\n", {"": ""}),
        ("0::/docker/1/x\n", "31 23 0:28 /docker/1 /sys/fs/cgroup rw - cgroup2 cgroup rw\n", {"": "x"}),
        ("0::/../other\n", "31 23 0:28 / /sys/fs/cgroup rw - cgroup2 cgroup rw\n", {"": ""}),
        ("4:memory:/a\n", "31 23 0:28 / /mnt/cpu rw - cgroup cgroup rw,cpu\n", {}),
    ],
)
def test_our_own_group_is_found_in_each_hierarchy(groups: str, mounts: str, found: dict[str, str]) -> None:
    mounted = {each.controllers: each for each in _mounted(mounts, dict(_groups(groups))) if "name=" not in str(each)}
    expected = {frozenset(filter(None, key.split(","))): Path("/sys/fs/cgroup", path) for key, path in found.items()}
    assert {key: each.own for key, each in mounted.items()} == expected


# ---- version 2, as far as folders can be it ----


class Unified:
    """A hierarchy of version 2: folders get the files of their controllers, and refuse what the kernel refuses."""

    def __init__(self, top: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.top = top
        self._mkdir, self._write, self._rmdir = Path.mkdir, Path.write_text, Path.rmdir
        monkeypatch.setattr(Path, "mkdir", lambda path, *args, **more: self.mkdir(path, *args, **more))
        monkeypatch.setattr(Path, "write_text", lambda path, text, **more: self.write(path, text, **more))
        monkeypatch.setattr(Path, "rmdir", lambda path: self.rmdir(path))
        self.mkdir(top)
        self._write(top / "cgroup.controllers", "cpu io memory pids")

    def mkdir(self, path: Path, *args: int, **more: bool) -> None:
        self._mkdir(path, *args, **more)
        if path.is_relative_to(self.top) and not (path / "cgroup.procs").exists():
            above = path.parent / "cgroup.subtree_control"
            given = above.read_text() if above.exists() else ""
            for name, text in (("procs", ""), ("type", "domain"), ("controllers", given), ("subtree_control", "")):
                self._write(path / f"cgroup.{name}", text)
            self._give(path, given.split())

    def write(self, path: Path, text: str, **more: str) -> int:
        if path.is_relative_to(self.top) and path.name == "cgroup.subtree_control":
            if (path.parent / "cgroup.procs").read_text():
                raise OSError(errno.EBUSY, "busy")
            given = sorted({*path.read_text().split(), text.removeprefix("+")})
            for child in path.parent.iterdir():
                if child.is_dir():
                    self._give(child, given)
            text = " ".join(given)
        if path.is_relative_to(self.top) and path.name == "cgroup.procs":
            for each in self.top.rglob("cgroup.procs"):
                self._write(each, "")
        return self._write(path, text, **more)

    def rmdir(self, path: Path) -> None:
        if path.is_relative_to(self.top):
            if any(child.is_dir() for child in path.iterdir()):
                raise OSError(errno.EBUSY, "busy")
            shutil.rmtree(path)
        else:
            self._rmdir(path)

    def _give(self, path: Path, controllers: list[str]) -> None:
        self._write(path / "cgroup.controllers", " ".join(controllers))
        for each in controllers:
            for name in ("max", "swap.max", "weight", "low", "events"):
                self._write(path / f"{each}.{name}", "")


@pytest.fixture
def unified(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Unified:
    return Unified(tmp_path / "cgroup", monkeypatch)


def test_in_a_group_of_its_own_pachd_moves_aside_and_makes_groups_with_limits(unified: Unified) -> None:
    (unified.top / "cgroup.procs").write_text(str(os.getpid()))
    cgroups = Cgroups("hathi", [Mounted(frozenset(), unified.top, unified.top)])
    assert cgroups.able == {"memory", "pids", "cpu"}
    assert (unified.top / "hathi-pachd/cgroup.procs").read_text() == str(os.getpid())
    bounds = Bounds(memory=64 << 20, cpu=1.5, processes=100, cpu_share=0.5, memory_share=1000)
    [folder] = cgroups.make("worker", bounds).folders
    names = ("memory.max", "memory.swap.max", "memory.low", "pids.max", "cpu.max", "cpu.weight")
    assert [(folder / name).read_text() for name in names] == ["67108864", "0", "1000", "100", "150000 100000", "50"]
    cgroups.remove(Cgroup((folder,)))
    cgroups.close()
    assert not (unified.top / "hathi").exists()


def test_a_folder_that_another_program_removed_is_made_again_with_its_limits(unified: Unified) -> None:
    (unified.top / "cgroup.procs").write_text(str(os.getpid()))
    cgroups = Cgroups("hathi", [Mounted(frozenset(), unified.top, unified.top)])
    (unified.top / "hathi").rmdir()
    [folder] = cgroups.make("worker", Bounds(processes=100)).folders
    assert (folder / "pids.max").read_text() == "100"


def test_a_group_that_others_share_is_left_alone(unified: Unified) -> None:
    own = unified.top / "session"
    own.mkdir()
    unified._write(own / "cgroup.procs", f"1\n{os.getpid()}\n")
    unified._write(unified.top / "cgroup.procs", "2")  # whoever else is at the top keeps it from being divided
    cgroups = Cgroups("hathi", [Mounted(frozenset(), unified.top, own)])
    assert cgroups.able == frozenset()
    assert sorted(path.name for path in unified.top.rglob("*") if path.is_dir()) == ["session"]
    assert (own / "cgroup.procs").read_text() == f"1\n{os.getpid()}\n"


def test_what_a_limit_did_is_read_from_either_version(tmp_path: Path) -> None:
    for name, text in (
        ("memory.events", "low 0\noom 2\noom_kill 3\n"),
        ("pids.events", "max 4\n"),
        ("pids.max", "9\n"),
    ):
        (tmp_path / name).write_text(text)
    counts = Cgroup((tmp_path,)).counts()
    assert (counts.killed, counts.refused) == (3, 4)
    (tmp_path / "memory.events").unlink()
    (tmp_path / "memory.oom_control").write_text("oom_kill_disable 0\nunder_oom 0\noom_kill 5\n")
    assert Cgroup((tmp_path,)).counts().killed == 5
    outcome = Cgroup((tmp_path,)).explained(Outcome(1), counts)
    assert (outcome.memory, outcome.processes) == ("the machine has", "")


def test_of_version_1_a_group_enters_only_what_limits_it(cgroups: Cgroups) -> None:
    """Each hierarchy that is entered costs each short command time."""
    if any(base.unified for base in cgroups.bases) or "pids" not in cgroups.able:
        pytest.skip("no hierarchies of version 1 can be had here")
    group = cgroups.make("worker", Bounds(processes=100))
    try:
        expected = [base.folder / "worker" for base in cgroups.bases if "pids" in base.controllers]
        assert list(group.folders) == expected
    finally:
        cgroups.remove(group)
