from __future__ import annotations

import hashlib
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from hathi.datum.frames import Command, Kind, Look, Outcome
from hathi.datum.stage import Stage
from hathi.model.errors import UnavailableError
from hathi.model.ids import CommitSetId
from hathi.model.packs import PackRecord, RemoteWriter
from hathi.model.pps import DatumInput
from hathi.model.records import DatumRecord
from hathi.model.references import Commit, Repo
from hathi.storage.chunks.memory_ledger import MemoryLedger
from hathi.storage.chunks.store import Chunks
from hathi.storage.filesets import tree
from hathi.storage.filesets.datums import DATUMS
from hathi.storage.filesets.entry import FILES
from hathi.storage.objects.memory import MemoryStore
from hathi.worker.batch import Bench
from hathi.worker.loop import Worker
from hathi.worker.server import Beat, Claim, Datum, LogLine, Report

COMMIT = Commit(Repo("default", "data"), CommitSetId("0123456789ab4cdef0123456789abcde"))


class FakeServer:
    """A server in memory. `outage`: how many of the next calls fail as if nobody answered."""

    def __init__(self) -> None:
        self.claims: list[Claim] = []
        self.reports: list[Report] = []
        self.lines: list[LogLine] = []
        self.beats: list[tuple[str, str]] = []
        self.answer = Beat()
        self.outage = 0
        self.beaten = threading.Event()
        self.register: Callable[[str, Sequence[PackRecord]], None] = lambda holder, packs: None

    def _serve(self) -> None:
        if self.outage:
            self.outage -= 1
            raise UnavailableError("nobody answers")

    def claim(self, wait: float) -> Claim | None:
        self._serve()
        return self.claims.pop(0) if self.claims else None

    def beat(self, claim: str, datum: str, running: float) -> Beat:
        self._serve()
        self.beats.append((claim, datum))
        self.beaten.set()
        return self.answer

    def report(self, report: Report) -> bool:
        self._serve()
        if report.packs:
            self.register(report.holder, report.packs)
        self.reports.append(report)
        return True

    def append_logs(self, project: str, pipeline: str, lines: Sequence[LogLine]) -> None:
        self._serve()
        self.lines += lines

    def text(self, *, user: bool = True) -> list[str]:
        return [line.message for line in self.lines if line.user is user]


class FakeSandbox:
    """A sandbox whose command is a function: (command, folder) -> exit status or outcome."""

    def __init__(self, stage: Path, program: Callable[[Command, Path], int | Outcome]) -> None:
        self.stage = stage
        self.program = program
        self.commands: list[Command] = []
        self.killed = threading.Event()
        self.closed = False
        self.printed: list[tuple[bytes, bool]] = []

    def run(self, command: Command, output: Callable[[bytes, bool], None]) -> Outcome:
        self.commands.append(command)
        result = self.program(command, self.stage / command.folder)
        for piece, stderr in self.printed:
            output(piece, stderr)
        return result if isinstance(result, Outcome) else Outcome(result, wall_seconds=1.0)

    def kill(self) -> None:
        self.killed.set()

    def withdraw(self) -> None:
        pass

    def look(self, path: str) -> Look:
        return Look(Kind.MISSING, error="No such file or directory")

    def close(self) -> None:
        self.closed = True


@dataclass
class Rig:
    """A worker with everything around it in memory, and one repo of files `/0`, `/1`, ..."""

    folder: Path
    chunks: Chunks
    ledger: MemoryLedger
    server: FakeServer = field(default_factory=FakeServer)
    program: Callable[[Command, Path], int | Outcome] = lambda command, folder: 0
    pauses: list[float] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.stopped = threading.Event()
        self.server.register = lambda holder, packs: self.ledger.register(RemoteWriter(holder), packs)
        self.sandbox = FakeSandbox(self.folder, lambda command, folder: self.program(command, folder))
        bench: Any = Bench("w", Stage(self.folder), lambda: self.sandbox, {"PATH": "/bin"})
        self.worker = Worker(self.server, bench, lambda folder: self.chunks, self.stopped, self.pauses.append)

    def root(self, files: Mapping[str, bytes]) -> bytes:
        with self.chunks.upload() as upload:
            items = sorted((path.encode(), upload.content([data]).encode()) for path, data in files.items())
            root = tree.build(FILES, upload, items)
            self.ledger.register(upload, upload.seal())
        return root

    def claim(self, datums: int = 1, **more: Any) -> Claim:
        files = {f"/{number}": f"contents {number}".encode() for number in range(datums)}
        values: dict[str, Any] = {
            "transform": {"cmd": ["program"]},
            "tries": 3,
            "timeout": 0.0,
            "datums": tuple(
                Datum(hashlib.sha256(path.encode()).hexdigest(), "h", (DatumInput("data", COMMIT, "master", path),))
                for path in files
            ),
            "roots": {str(COMMIT): self.root(files)},
            **more,
        }
        return Claim("claim", 30.0, "default", "p", "j", **values)

    def records(self) -> dict[str, DatumRecord]:
        """The records of the only report, by the path of their input."""
        (report,) = self.server.reports
        found = (DatumRecord.decode(value) for _, value in tree.scan(DATUMS, self.chunks, report.index))
        return {record.inputs[0].path: record for record in found}


@pytest.fixture
def rig(tmp_path: Path) -> Iterator[Rig]:
    ledger = MemoryLedger()
    chunks = Chunks(MemoryStore(), ledger)
    yield Rig(tmp_path, chunks, ledger)
    chunks.close()
    assert list(tmp_path.iterdir()) == [], "nothing of a datum stays on the disk"
