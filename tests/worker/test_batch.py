from __future__ import annotations

import errno
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from hathi.datum.frames import Command, Outcome
from hathi.datum.sandbox import SandboxGone
from hathi.datum.stage import DiskFull, Stage
from hathi.model.ids import CommitSetId
from hathi.model.pps import DatumState
from hathi.model.references import Commit, Repo
from hathi.storage.chunks.content import Content
from hathi.storage.filesets.files import FileTree
from hathi.worker.batch import INLINE_OUTPUTS, REASON_LENGTH

Rig = Any
COMMIT = Commit(Repo("default", "data"), CommitSetId("0123456789ab4cdef0123456789abcde"))


def upper(command: Command, folder: Path) -> int:
    """Write each input in capitals."""
    for path in (folder / "data").iterdir():
        (folder / "out" / path.name).write_text(path.read_text().upper())
    return 0


def test_every_datum_is_run_once_and_its_output_stored(rig: Rig) -> None:
    rig.program = upper
    assert rig.worker.work(rig.claim(5))
    records = rig.records()
    assert len(rig.sandbox.commands) == len(records) == 5
    for path, record in records.items():
        assert (record.state, record.attempts, record.job) == (DatumState.SUCCESS, 1, "j")
        ((made, content),) = record.outputs
        assert made == path
        assert b"".join(rig.chunks.read(Content.decode(content))) == f"CONTENTS {path[1:]}".encode()
    (report,) = rig.server.reports
    assert (report.processed, report.failed, len(report.packs)) == (5, 0, 1)
    assert (report.stats.process_seconds, report.stats.upload_bytes) == (5.0, 50)


def test_outputs_too_many_for_a_record_stand_in_a_tree(rig: Rig) -> None:
    def many(command: Command, folder: Path) -> int:
        for number in range(INLINE_OUTPUTS + 1):
            (folder / "out" / f"{number:03}").write_text(str(number))
        return 0

    rig.program = many
    rig.worker.work(rig.claim())
    (record,) = rig.records().values()
    assert record.outputs == ()
    assert FileTree(rig.chunks, record.output_root).count == INLINE_OUTPUTS + 1


def test_each_attempt_starts_from_fresh_inputs(rig: Rig) -> None:
    seen: list[str] = []

    def spoil(command: Command, folder: Path) -> int:
        seen.append((folder / "data" / "0").read_text() + str(len(list((folder / "out").iterdir()))))
        (folder / "data" / "0").write_text("spoilt")
        (folder / "out" / "half").touch()
        return len(seen) < 3

    rig.program = spoil
    rig.worker.work(rig.claim())
    assert seen == ["contents 00"] * 3
    (record,) = rig.records().values()
    assert (record.state, record.attempts) == (DatumState.SUCCESS, 3)


def test_a_datum_that_uses_up_its_tries_fails_without_output(rig: Rig) -> None:
    def fail(command: Command, folder: Path) -> int:
        (folder / "out" / "half").touch()
        return 3

    rig.program = fail
    rig.worker.work(rig.claim(tries=2))
    (record,) = rig.records().values()
    (report,) = rig.server.reports
    assert (record.state, record.attempts, record.outputs) == (DatumState.FAILED, 2, ())
    assert (report.failed, report.failed_datum, report.failed_reason) == (
        1,
        record.id,
        "the command exited with status 3",
    )
    assert rig.server.text(user=False) == [
        "running a datum set of size 1",
        *(f"attempt {n} of datum {record.id} failed: the command exited with status 3" for n in (1, 2)),
        "the datum set is done: 0 processed, 1 failed",
    ]


def test_others_of_the_set_run_on_when_one_fails(rig: Rig) -> None:
    rig.program = lambda command, folder: int((folder / "data" / "1").exists())
    rig.worker.work(rig.claim(3, tries=1))
    states = {path: record.state for path, record in rig.records().items()}
    assert states == {"/0": DatumState.SUCCESS, "/1": DatumState.FAILED, "/2": DatumState.SUCCESS}


@pytest.mark.parametrize(("handled", "state"), [(0, DatumState.RECOVERED), (1, DatumState.FAILED)])
def test_err_cmd_runs_after_every_failed_attempt_and_decides_at_the_last(
    rig: Rig, handled: int, state: DatumState
) -> None:
    rig.program = lambda command, folder: handled if command.argv == ("handle",) else 1
    transform = {"cmd": ["program"], "err_cmd": ["handle"], "err_stdin": ["a", "b"]}
    rig.worker.work(rig.claim(tries=2, transform=transform))
    (record,) = rig.records().values()
    assert (record.state, record.outputs) == (state, ())
    assert [command.argv[0] for command in rig.sandbox.commands] == ["program", "handle"] * 2
    handler = rig.sandbox.commands[1]
    assert (handler.continues, handler.stdin, handler.env) == (True, b"a\nb\n", rig.sandbox.commands[0].env)
    notes = rig.server.text(user=False)
    assert notes.count("err_cmd failed: the command exited with status 1") == (2 if handled else 0)


def test_accepted_return_codes_are_success(rig: Rig) -> None:
    rig.program = lambda command, folder: 7
    rig.worker.work(rig.claim(transform={"cmd": ["program"], "accept_return_code": [7]}))
    assert [record.state for record in rig.records().values()] == [DatumState.SUCCESS]


@pytest.mark.parametrize(
    ("outcome", "reason"),
    [
        (Outcome(-1, 9, timed_out=True), "it was ended after the datum timeout of 1.5 s"),
        (Outcome(-1, 11), "the command was ended by signal 11"),
        (Outcome(127, error="no such command"), "no such command"),
    ],
)
def test_the_reason_says_what_happened(rig: Rig, outcome: Outcome, reason: str) -> None:
    rig.program = lambda command, folder: outcome
    rig.worker.work(rig.claim(tries=1, timeout=1.5))
    assert [record.reason for record in rig.records().values()] == [reason]
    assert rig.sandbox.commands[0].timeout == 1.5


def test_a_spec_without_command_fails_its_datums(rig: Rig) -> None:
    rig.worker.work(rig.claim(transform={}, tries=1))
    assert [record.reason for record in rig.records().values()] == ["invalid pipeline transform, no command specified"]


def test_a_sandbox_that_dies_costs_an_attempt(rig: Rig) -> None:
    def die(command: Command, folder: Path) -> int:
        if len(rig.sandbox.commands) == 1:
            raise SandboxGone("the sandbox ended unexpectedly")
        return 0

    rig.program = die
    rig.worker.work(rig.claim())
    assert [record.attempts for record in rig.records().values()] == [2]
    assert rig.sandbox.closed


def test_output_that_cannot_be_stored_fails_the_datum(rig: Rig) -> None:
    def bad(command: Command, folder: Path) -> int:
        (folder / "out" / "a*").touch()
        return 0

    rig.program = bad
    rig.worker.work(rig.claim(tries=1))
    (record,) = rig.records().values()
    assert record.state is DatumState.FAILED
    assert "globbing character (*) not allowed" in record.reason


def test_the_command_is_the_specs_and_the_variables_the_datums(rig: Rig) -> None:
    transform = {"cmd": ["a", "b"], "stdin": ["x", "y"], "working_dir": "/w", "user": "u", "env": {"E": "1"}}
    rig.worker.work(rig.claim(transform=transform))
    (command,) = rig.sandbox.commands
    assert (command.argv, command.stdin, command.cwd, command.user) == (("a", "b"), b"x\ny\n", "/w", "u")
    assert command.env["E"] == "1"
    assert command.env["data"] == "/pfs/data/0"
    assert command.env["PPS_POD_NAME"] == "w"


def test_inputs_that_cannot_be_read_hand_the_set_back(rig: Rig) -> None:
    claim = rig.claim(roots={"default/data@0123456789ab4cdef0123456789abcde": b"\1" * 32})
    rig.worker.work(claim)
    (report,) = rig.server.reports
    assert "is in no live pack" in report.error
    assert rig.sandbox.commands == []


def files(rig: Rig, *paths: str, **more: Any) -> Any:
    """A claim of a datum for each of these files."""
    claim = rig.claim(len(paths), **more)
    datums = tuple(
        replace(datum, inputs=(replace(datum.inputs[0], path=path),))
        for datum, path in zip(claim.datums, paths, strict=True)
    )
    return replace(claim, datums=datums, roots={str(COMMIT): rig.root(dict.fromkeys(paths, b"data"))})


def test_a_datum_that_can_never_be_staged_fails_after_its_tries_and_the_others_succeed(rig: Rig) -> None:
    """It handed the set back, which was run again for ever."""
    rig.worker.work(files(rig, "/" + "n" * 300, "/good", tries=2))
    bad, good = (rig.records()[path] for path in ("/" + "n" * 300, "/good"))
    assert (good.state, bad.state, bad.attempts) == (DatumState.SUCCESS, DatumState.FAILED, 2)
    assert "name is too long" in bad.reason
    (report,) = rig.server.reports
    assert (report.error, report.failed, report.failed_datum) == ("", 1, bad.id)
    assert "attempt 2 of datum" in "".join(rig.server.text(user=False))


def test_a_disk_that_is_too_full_for_two_datums_at_a_time_takes_one_after_the_other(
    rig: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    prepare = Stage.prepare

    def tight(stage: Stage, *args: Any) -> Any:
        if any(stage.folder.iterdir()):
            raise DiskFull("no room")
        return prepare(stage, *args)

    monkeypatch.setattr(Stage, "prepare", tight)
    rig.worker.work(rig.claim(4))
    assert [record.state for record in rig.records().values()] == [DatumState.SUCCESS] * 4
    assert list(rig.folder.iterdir()) == []


def test_a_disk_that_is_too_full_for_one_datum_hands_the_set_back(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*args: Any) -> Any:
        raise DiskFull("the worker's disk is full")

    monkeypatch.setattr(Stage, "prepare", full)
    rig.worker.work(rig.claim(2))
    (report,) = rig.server.reports
    assert (report.error, report.index) == ("the worker's disk is full", b"")


def test_output_that_the_worker_cannot_read_is_not_the_datums_fault(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(made: Any, keep: Any) -> Any:
        raise OSError(errno.EIO, "Input/output error")

    monkeypatch.setattr("hathi.worker.batch.keep_files", broken)
    rig.worker.work(rig.claim())
    (report,) = rig.server.reports
    assert "the worker cannot go on: [Errno 5]" in report.error


def test_a_fault_of_our_own_is_reported_and_ends_no_worker(rig: Rig) -> None:
    rig.worker.work(rig.claim(roots={}))
    (report,) = rig.server.reports
    assert "internal error of the worker: KeyError" in report.error


def test_a_record_carries_the_place_of_its_datum_and_a_bounded_reason(rig: Rig) -> None:
    rig.program = lambda command, folder: Outcome(-1, error="x" * 100_000)
    claim = rig.claim(2)
    claim = replace(claim, datums=tuple(replace(one, index=7 + place) for place, one in enumerate(claim.datums)))
    rig.worker.work(claim)
    assert [record.index for record in rig.records().values()] == [7, 8]
    assert all(len(record.reason) <= REASON_LENGTH for record in rig.records().values())
