"""A long past, written into the tables at once: jobs of a pipeline that have ended, with the commits that they made."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from sqlalchemy import insert, select, text, update

from hathi.metadata.database import Database, Transaction
from hathi.metadata.tables.pfs import branches, commit_provenance, commits, repos
from hathi.metadata.tables.pps import jobs, pipelines
from hathi.model.ids import new_id
from hathi.model.infos import Origin
from hathi.model.pps import JobState
from hathi.versioning.rows import jump_depth

_MANY = 1000


def age(db: Database, pipeline: str, source: str, number: int) -> None:
    """Add `number` jobs to a pipeline that has ended one already, each from a commit of its own on `source@master`."""
    with db.write() as tx:
        owner = tx.connection.execute(select(pipelines).where(pipelines.c.name == pipeline)).one()
        last = tx.connection.execute(
            select(jobs).where(jobs.c.pipeline_id == owner.id).order_by(jobs.c.id.desc())
        ).first()
        assert last is not None and last.finished is not None
        lines = {
            "input": _Line(tx, source, "user", Origin.USER),
            "output": _Line(tx, pipeline, "user", Origin.AUTO),
            "meta": _Line(tx, pipeline, "meta", Origin.AUTO),
        }
        spec = _head(tx, pipeline, "spec").id
        made: list[dict[str, Any]] = []
        edges: list[dict[str, int]] = []
        past: list[dict[str, Any]] = []
        named = {name: getattr(last, name) for name in (one.name for one in jobs.c) if name not in ("id", "images")}
        for n in range(number):
            set_id = new_id()
            time = last.created + timedelta(milliseconds=n + 1)
            ids = {name: line.add(made, set_id, time) for name, line in lines.items()}
            edges += [
                {"commit_id": ids[name], "provenance_id": other, "position": position}
                for name in ("output", "meta")
                for position, other in enumerate((ids["input"], spec))
            ]
            values = {"set_id": set_id, "created": time, "started": time, "finished": time, "state": JobState.SUCCESS}
            past.append({**named, **values, "complete": True})
        for table, rows in ((commits, made), (commit_provenance, edges), (jobs, past)):
            for start in range(0, len(rows), _MANY):
                tx.connection.execute(insert(table), rows[start : start + _MANY])
        for line in lines.values():
            line.move_head(tx)
        if db.postgres:  # its keys were given, not counted
            tx.connection.execute(text("SELECT setval(pg_get_serial_sequence('commits', 'id'), max(id)) FROM commits"))


def _head(tx: Transaction, name: str, type: str) -> Any:
    statement = (
        select(commits)
        .join(branches, branches.c.head == commits.c.id)
        .join(repos, repos.c.id == branches.c.repo_id)
        .where(repos.c.name == name, repos.c.type == type, branches.c.name == "master")
    )
    return tx.connection.execute(statement).one()


class _Line:
    """Commits one after the other, with the pointers of `versioning.ancestry`."""

    _next = 0

    def __init__(self, tx: Transaction, name: str, type: str, origin: Origin) -> None:
        head = _head(tx, name, type)
        greatest = tx.connection.execute(select(commits.c.id).order_by(commits.c.id.desc()).limit(1)).scalar_one()
        _Line._next = max(greatest, 0)
        self._origin = origin
        self._head = head
        self._by_depth: dict[int, int] = {}
        row = head
        while True:
            self._by_depth[row.depth] = row.id
            if row.parent_id is None:
                break
            row = tx.connection.execute(select(commits).where(commits.c.id == row.parent_id)).one()
        self._depth, self._turn = head.depth, head.turn_id if head.origin is origin else head.id

    def add(self, made: list[dict[str, Any]], set_id: str, time: Any) -> int:
        _Line._next += 1
        parent = self._by_depth[self._depth]
        self._depth += 1
        self._by_depth[self._depth] = _Line._next
        values = {name: getattr(self._head, name) for name in (one.name for one in commits.c)}
        made.append(
            {
                **values,
                "id": _Line._next,
                "set_id": set_id,
                "parent_id": parent,
                "depth": self._depth,
                "jump_depth": jump_depth(self._depth),
                "jump_id": self._by_depth[jump_depth(self._depth)],
                "turn_id": self._turn,
                "base_id": parent,
                "origin": self._origin,
                "started": time,
                "finishing": time,
                "finished": time,
            }
        )
        return _Line._next

    def move_head(self, tx: Transaction) -> None:
        where = (branches.c.repo_id == self._head.repo_id) & (branches.c.name == "master")
        tx.connection.execute(update(branches).where(where).values(head=self._by_depth[self._depth]))
