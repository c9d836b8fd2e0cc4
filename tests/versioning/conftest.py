"""A small world of versioned data, spoken to in the words of the command line."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from collecting import noting_names
from databases import database_url
from sqlalchemy import event

from hathi.metadata.database import Database
from hathi.metadata.ledger import DatabaseLedger
from hathi.model.infos import BranchInfo, CommitInfo, Trigger
from hathi.model.parse import parse_branch, parse_commit, parse_file, parse_repo
from hathi.model.references import Branch, Commit, CommitSpec, Repo
from hathi.storage.chunks.maintenance import MaintainedChunks
from hathi.storage.objects.memory import MemoryStore
from hathi.versioning import branches, commit_lists, commits, files, finishing, repos
from hathi.versioning.store import Store
from hathi.versioning.writing import Writer

_UNCOUNTED = ("BEGIN", "SAVEPOINT", "ROLLBACK", "SET TRANSACTION", "SELECT pg_advisory", "SELECT pg_notify")


class Clock:
    """A clock that moves one second each time it is looked at."""

    def __init__(self) -> None:
        self.now = datetime(2030, 1, 1, tzinfo=UTC)

    def __call__(self) -> datetime:
        self.now += timedelta(seconds=1)
        return self.now


class World:
    """A store, and shorthand for what tests do to it."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self.db = store.db

    def repos(self, *names: str) -> None:
        with self.db.write() as tx:
            for name in names:
                repos.create(tx, self.a_repo(name))

    def a_repo(self, text: str) -> Repo:
        return parse_repo(text)

    def a_branch(self, text: str) -> Branch:
        return parse_branch(text)

    def spec(self, text: str) -> CommitSpec:
        return parse_commit(text)

    def branch(self, text: str, *provenance: str, head: str = "", trigger: Trigger | None = None) -> None:
        with self.db.write() as tx:
            sources = [parse_branch(source) for source in provenance]
            branches.create(tx, parse_branch(text), parse_commit(head) if head else None, sources, trigger=trigger)

    def start(self, text: str, parent: str = "") -> Commit:
        with self.db.write() as tx:
            return commits.start(tx, parse_branch(text), parse_commit(parent) if parent else None)

    def finish(self, text: str, error: str = "", fold: bool = True) -> Commit:
        with self.db.write() as tx:
            commit = commits.finish(tx, parse_commit(text), error=error)
        if fold:
            finishing.fold_all(self.store)
        return commit

    def info(self, text: str) -> CommitInfo:
        with self.db.read() as tx:
            return commits.inspect(tx, parse_commit(text))

    def head(self, text: str) -> BranchInfo:
        with self.db.read() as tx:
            return branches.inspect(tx, parse_branch(text))

    def set(self, id: str) -> list[CommitInfo]:
        with self.db.read() as tx:
            return commits.commit_set(tx, id)

    def log(self, text: str) -> list[str]:
        return [info.commit.id for info in commit_lists.list_commits(self.store, parse_repo(text))]

    def put(self, text: str, data: bytes = b"x", append: bool = False) -> Commit:
        file = parse_file(text)
        with Writer(self.store, file.commit) as writer:
            writer.put(file.path, [data], append=append)
            return writer.close()

    def rm(self, text: str) -> Commit:
        file = parse_file(text)
        with Writer(self.store, file.commit) as writer:
            writer.delete(file.path)
            return writer.close()

    def cat(self, text: str) -> bytes:
        file = parse_file(text)
        return b"".join(files.get(self.store, file.commit, file.path))

    def files(self, text: str) -> dict[str, bytes]:
        """Every file of a commit with its bytes."""
        all_files = files.get_all(self.store, parse_commit(text), "/")
        return {info.path: b"".join(parts) for info, parts in all_files}

    @contextmanager
    def counting(self) -> Iterator[list[str]]:
        """Collect the SQL statements run inside the block, without BEGIN, COMMIT and the like."""
        statements: list[str] = []

        def note(connection, cursor, statement, parameters, context, many):
            statements.append(statement)

        event.listen(self.db.engine, "before_cursor_execute", note)
        try:
            yield statements
        finally:
            event.remove(self.db.engine, "before_cursor_execute", note)
            statements[:] = [text for text in statements if not text.startswith(_UNCOUNTED)]


def open_world(database: Path, objects: MemoryStore | None = None, fresh: bool = True) -> World:
    db = Database.open(database_url(database, fresh), durable=False, clock=Clock())
    ledger = DatabaseLedger(db)
    return World(Store(db, MaintainedChunks(objects if objects is not None else MemoryStore(), ledger), ledger))


@pytest.fixture
def objects() -> MemoryStore:
    return MemoryStore()


@pytest.fixture
def world(tmp_path: Path, objects: MemoryStore, request: pytest.FixtureRequest) -> Iterator[World]:
    world = open_world(tmp_path / "hathi.db", objects)
    with nullcontext() if "costs" in request.module.__name__ else noting_names(lambda: world.store):
        yield world
    world.store.chunks.close()
    world.db.close()


@pytest.fixture
def another(world: World, tmp_path: Path, objects: MemoryStore) -> Iterator[World]:
    """The same data seen by another process, which shares neither locks nor memory."""
    other = open_world(tmp_path / "hathi.db", objects, fresh=False)
    yield other
    other.store.chunks.close()
    other.db.close()


@pytest.fixture
def cold(world: World, tmp_path: Path, objects: MemoryStore) -> Iterator[Callable[[], World]]:
    """Makes worlds that see the same data and have read nothing of it yet."""
    made: list[World] = []

    def make() -> World:
        made.append(open_world(tmp_path / "hathi.db", objects, fresh=False))
        return made[-1]

    yield make
    for other in made:
        other.store.chunks.close()
        other.store.ledger.close()
        other.db.close()


@pytest.fixture
def new_world(tmp_path: Path):
    """Makes worlds, for tests that need a fresh one for each example."""
    made: list[World] = []

    def make() -> World:
        made.append(open_world(tmp_path / f"{len(made)}.db"))
        return made[-1]

    yield make
    for world in made:
        world.store.chunks.close()
        world.db.close()
