"""What jobs need is in use: their indexes, their outputs, what is planned and what is reported but not yet folded."""

from __future__ import annotations

import threading

from collecting import collect, collection, finish, until_waiting
from sqlalchemy import LargeBinary

from hathi.metadata.tables import metadata
from hathi.model.references import Pipeline, Repo
from hathi.pipelines import definitions
from hathi.storage.filesets import datum_inputs, datums, entry, node, ops
from hathi.versioning import repos

NO_ROOTS = {
    "named_roots.root",  # the collection's own notes
    "transaction_requests.body",  # requests that name commits by their ids
    "transaction_requests.response",
}
"""Columns of bytes in which no root of a tree is."""


def test_every_column_that_can_name_a_root_is_read(world) -> None:
    """A new column of bytes belongs into `Roots`, or is said here to name none."""
    columns = {
        str(column)
        for table in metadata.tables.values()
        for column in table.columns
        if isinstance(column.type, LargeBinary)
    }
    assert world.store.roots.columns | NO_ROOTS == columns
    assert not world.store.roots.columns & NO_ROOTS


def test_every_kind_of_tree_can_be_followed(world) -> None:
    def all_schemas(kind):
        for below in kind.__subclasses__():
            yield below
            yield from all_schemas(below)

    assert datum_inputs and datums and entry and ops, "imported, so that their schemas are known"
    ours = [kind for kind in all_schemas(node.Schema) if kind.__module__.startswith("hathi.")]
    for kind in ours:
        leaf = node.encode(kind(), node.Node(0, [b"k"], [b"v" * 20], ()))
        world.store.trees.of(leaf)


def remove_repo(world, name: str) -> None:
    with world.db.write() as tx:
        repos.delete(tx, Repo("default", name), force=True)


def test_jobs_go_on_where_they_were_after_each_collection(world) -> None:
    world.pipeline("p")
    world.put("data", {"/a": "1", "/b": "2", "/c": "3"})
    world.controllers.settle()
    collect(world.store)  # datums are planned
    assert world.work(next(iter(world.runtime.groups)))
    collect(world.store)  # some are reported
    world.settle()
    collect(world.store)
    assert set(world.files("p")) == {"/a", "/b", "/c"}
    world.ran.clear()
    world.put("data", {"/d": "4"})
    world.settle()
    collect(world.store)
    assert set(world.files("p")) == {"/a", "/b", "/c", "/d"}
    assert len(world.ran) == 1, "what was done before is known still"


def test_what_a_worker_found_before_a_collection_and_reports_later_is_kept(world) -> None:
    """Its output equals a file of a repo that is deleted meanwhile, so nothing of it was stored again."""
    same = "the same bytes in both" * 20
    work = collection(world.store)
    steps = work.steps()
    seen = []

    def code(datum):
        seen.append(datum.id)
        if len(seen) == 2:  # what the first one wrote was found already
            remove_repo(world, "gone")
            until_waiting(steps)
        return {f"/{len(seen)}": same if len(seen) == 1 else "other"}

    world.code = code
    world.repo("gone")
    world.put("gone", {"/x": same})
    world.pipeline("p", datum_set_spec={"number": 2})
    world.put("data", {"/a": "1", "/b": "2"})
    world.settle()
    finish(steps)
    assert len(seen) == 2 and world.files("p") == {"/1": same, "/2": "other"}
    collect(world.store)
    assert world.files("p") == {"/1": same, "/2": "other"}


def test_a_deleted_pipeline_gives_its_space_back(world) -> None:
    world.pipeline("p")
    world.put("data", {f"/{number}": f"content {number}" * 50 for number in range(20)})
    world.settle()
    before = sum(map(world.objects.size, world.objects.list()))
    with world.db.write() as tx:
        definitions.delete(tx, Pipeline("default", "p"), force=True)
    world.settle()
    remove_repo(world, "data")
    collect(world.store)
    assert sum(map(world.objects.size, world.objects.list())) < before / 10


def test_an_idle_worker_asks_again_when_packs_are_condemned(world) -> None:
    """It pins a newer catalogue then; a collection would wait for the end of its claim otherwise."""
    world.pipeline("p")
    world.controllers.settle()
    group = next(iter(world.runtime.groups))
    answers = []
    worker = threading.Thread(target=lambda: answers.append(world.wait_for_claim(group, lambda: False)))
    worker.start()
    while worker.is_alive():  # it may not listen yet
        with world.db.write() as tx:
            world.store.ledger.condemn(tx, ["packs/any"])
        worker.join(0.01)
    assert answers == [None]
