from __future__ import annotations

import os
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest

from hathi.datum.shim import binary
from hathi.runtimes.interface import GroupStatus, WorkerGroup
from hathi.runtimes.keeping import keeper, keepers
from hathi.runtimes.keeping.place import Place
from hathi.runtimes.process import ProcessRuntime

KEY = "default/p/v3"


class Rig:
    """A process runtime with one group whose worker program is a line of Python."""

    def __init__(self, folder: Path, program: str) -> None:
        self.scratch = folder / "workers"
        command = (sys.executable, "-Sc", program)
        self.runtime = ProcessRuntime(Place(lambda: "localhost:1", self.scratch, [folder], command=command))
        self._changed = threading.Condition()
        self.runtime.on_change(self._note)
        self.runtime.ensure(WorkerGroup(KEY, "default", "p", 3, 1))

    def _note(self, key: str) -> None:
        with self._changed:
            self._changed.notify_all()

    def wait(self, condition: Callable[[GroupStatus], bool]) -> GroupStatus:
        """Return the first status seen that fulfils a condition; what comes after it may be another."""
        with self._changed:
            found = self._changed.wait_for(
                lambda: next((status for status in [self.runtime.observe()[KEY]] if condition(status)), None), 60
            )
        assert found, self.runtime.observe()
        return found


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Callable[[str], Rig]]:
    rigs: list[Rig] = []

    def start_(program: str) -> Rig:
        rigs.append(Rig(tmp_path, program))
        return rigs[-1]

    yield start_
    for rig in rigs:
        rig.runtime.close()


def test_a_worker_that_ends_is_started_again_and_its_last_words_are_the_problem(
    start: Callable[[str], Rig], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(keeper, "FIRST_PAUSE", 0.0)
    rig = start("import sys; sys.exit('first line\\nno namespaces here\\n')")
    status = rig.wait(lambda status: status.restarts >= 2)
    assert (status.wanted, status.ready) == (1, 0)
    assert status.problem == "the worker exited with status 1: no namespaces here"


def test_a_worker_lives_by_a_name_that_ends_with_it(start: Callable[[str], Rig], tmp_path: Path) -> None:
    go = tmp_path / "go"
    os.mkfifo(go)
    rig = start(f"open({str(go)!r}).close(); print('ready', flush=True); import sys; sys.stdin.read()")
    go.write_text("")  # only now is the worker ready, and the next one not before it is told too
    [name] = rig.wait(lambda status: status.ready == 1).workers or ()
    [scratch] = rig.scratch.iterdir()
    assert name == scratch.name
    os.kill(process_of(name), 9)
    rig.wait(lambda status: status.ready == 0 and status.workers is not None and name not in status.workers)
    go.write_text("")
    [other] = rig.wait(lambda status: status.ready == 1).workers or ()
    assert other != name


def process_of(worker: str) -> int:
    """The process of a worker that lives."""
    [process] = [int(path.parent.name) for path in Path("/proc").glob("[0-9]*/cmdline") if worker in _text(path)]
    return process


def _text(path: Path) -> str:
    try:
        return path.read_text(errors="replace")
    except OSError:
        return ""  # ended meanwhile


def test_a_worker_that_was_killed_says_by_which_signal(start: Callable[[str], Rig]) -> None:
    rig = start("import os; os.kill(os.getpid(), 9)")
    assert rig.wait(lambda status: bool(status.problem)).problem == "the worker was ended by signal 9"


def test_the_problem_is_gone_once_the_worker_is_ready(
    start: Callable[[str], Rig], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(keeper, "FIRST_PAUSE", 0.0)
    once = tmp_path / "once"
    rig = start(
        f"import os, sys\nif not os.path.exists({str(once)!r}): open({str(once)!r}, 'w'); sys.exit('not yet')\n"
        "print('ready', flush=True); sys.stdin.read()"
    )
    status = rig.wait(lambda status: status.ready == 1)
    assert (status.problem, status.restarts) == ("", 1)


def test_a_worker_is_told_where_what_and_who_it_is(
    start: Callable[[str], Rig], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HATHI_SECRET", "hunter2")
    told = tmp_path / "told"
    rig = start(
        f"import os, sys; open({str(told)!r}, 'w').write('\\0'.join([*sys.argv, *os.environ]))\n"
        "print('ready', flush=True); sys.stdin.read()"
    )
    rig.wait(lambda status: status.ready == 1)
    words = told.read_text().split("\0")
    options = dict(zip(words[1::2], words[2::2], strict=False))
    assert options["--address"] == "localhost:1"
    assert options["--group"] == KEY
    assert options["--name"].startswith("p-v3-0-")
    assert Path(options["--scratch"]).parent == rig.scratch
    assert Path(options["--shim"]).name.startswith("hathi-shim-")
    assert words[words.index(str(tmp_path)) - 1] == "--hide"
    assert "HATHI_SECRET" not in words


def test_scratch_folders_of_a_killed_server_are_removed(start: Callable[[str], Rig], tmp_path: Path) -> None:
    (tmp_path / "workers" / "old" / "stage").mkdir(parents=True)
    rig = start("input()")
    assert not (rig.scratch / "old").exists()


def test_workers_end_with_the_runtime(start: Callable[[str], Rig]) -> None:
    rig = start("print('ready', flush=True); import sys; sys.stdin.read()")
    [name] = rig.wait(lambda status: status.ready == 1).workers or ()
    process = process_of(name)
    rig.runtime.close()
    assert not rig.scratch.exists()
    with pytest.raises(ProcessLookupError):
        os.kill(process, 0)


def test_a_place_without_sandbox_says_what_to_enable(tmp_path: Path) -> None:
    shim = tmp_path / "shim"
    shim.write_text("#!/bin/sh\nexit 1\n")
    shim.chmod(0o755)
    runtime = ProcessRuntime(Place(lambda: "", tmp_path / "workers", shim=shim))
    assert runtime.check().startswith("the sandbox ended unexpectedly. The process runtime needs Linux namespaces")
    shim.write_bytes(binary().read_bytes())
    assert not runtime.check().startswith("the sandbox ended"), "what was enabled meanwhile counts"


def test_here_a_sandbox_can_be_made_or_the_reason_is_told(tmp_path: Path) -> None:
    problem = ProcessRuntime(Place(lambda: "", tmp_path / "workers")).check()
    assert problem == "" or "namespaces" in problem
    assert list((tmp_path / "workers").iterdir()) == []


def test_no_exception_ends_who_keeps_a_worker_running(
    start: Callable[[str], Rig], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(keeper, "FIRST_PAUSE", 0.0)
    live, errors = keeper.Keeper._live, iter([KeyError("x"), MemoryError(), RecursionError("deep")])

    def fails(self: keeper.Keeper) -> str:
        for error in errors:
            raise error
        return live(self)

    monkeypatch.setattr(keeper.Keeper, "_live", fails)
    rig = start("import sys; print('ready', flush=True); sys.stdin.read()")
    status = rig.wait(lambda status: status.ready == 1)
    assert status.restarts == 3 and status.problem == ""


def test_an_error_of_whoever_is_told_of_changes_ends_no_worker(
    start: Callable[[str], Rig], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(keeper, "FIRST_PAUSE", 0.0)

    def fails(key: str) -> None:
        raise KeyError(key)

    go = "import sys; sys.exit('again')"
    rig = start(go)
    rig.runtime.on_change(fails)
    rig.wait(lambda status: status.restarts >= 2)


def test_many_workers_that_do_not_end_share_the_time_of_a_stop(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    waited: list[float] = []

    class Stubborn:
        def stop(self) -> None: ...

        def kill(self) -> None: ...

        def join(self, seconds: float) -> bool:
            waited.append(seconds)
            clock.append(clock[-1] + seconds)
            return False

    clock = [1000.0]
    monkeypatch.setattr(keepers, "time", SimpleNamespace(monotonic=lambda: clock[-1]))
    keepers._stop([Stubborn() for _ in range(100)])  # type: ignore[misc]
    assert sum(waited) == 2 * keepers.STOP_SECONDS
    assert "100 workers have not ended" in caplog.text


def test_a_worker_that_ends_before_it_has_its_token_tells_why_all_the_same(tmp_path: Path) -> None:
    closed = tmp_path / "closed"
    os.mkfifo(closed)
    program = f"import os, sys; os.close(0); open({str(closed)!r}, 'w').close(); sys.exit('the machine is broken')"

    def token(group: str) -> str:
        closed.read_bytes()  # ends when the worker has closed its standard input
        return "token"

    place = Place(
        lambda: "localhost:1", tmp_path / "workers", [tmp_path], command=(sys.executable, "-Sc", program), token=token
    )
    runtime = ProcessRuntime(place)
    seen = threading.Event()
    runtime.on_change(lambda key: seen.set() if "broken" in runtime.observe()[key].problem else None)
    try:
        runtime.ensure(WorkerGroup(KEY, "default", "p", 3, 1))
        assert seen.wait(60), runtime.observe()
        assert "the machine is broken" in runtime.observe()[KEY].problem
    finally:
        runtime.close()
