"""A datum that reads more than a record holds has its inputs in a tree, and nobody can tell."""

from __future__ import annotations

import json

import pytest

from hathi.model.pps import DatumState
from hathi.model.references import CommitSpec, Pipeline
from hathi.pipelines import datums, payloads, work
from hathi.pipelines.index import DatumIndex
from hathi.pipelines.rows import jobs, sets
from hathi.storage.filesets.datum_inputs import INLINE_COUNT, INPUTS, inputs_of, trees_of
from hathi.versioning import files

NUMBER = INLINE_COUNT + 4
COPY = Pipeline("default", "copy")


def names(datum):
    return {f"/{'-'.join(part.path[1:] for part in datum.inputs)}": "done"}


@pytest.fixture
def wide(world):
    """A world in which each datum of `copy` reads a file of each of very many inputs; one input has two files."""
    world.code = names
    for number in range(NUMBER):
        world.repo(f"r{number}")
        world.put(f"r{number}", {"/a": f"{number}", **({"/b": "other"} if number == 3 else {})})
    cross = [{"pfs": {"repo": f"r{number}", "glob": "/*"}} for number in range(NUMBER)]
    world.pipeline("copy", {"cross": cross})
    return world


def test_its_record_names_a_tree_in_sets_claims_and_the_index(wide):
    wide.controllers.settle()
    claim = wide.claim("default/copy/v1")
    [datum] = claim.datums
    assert datum.inputs == () and datum.input_root
    assert len(list(inputs_of(wide.store.chunks, datum))) == NUMBER
    with wide.db.read() as tx:
        job = jobs.get(tx, claim.job)
        rows = sets.list_rows(tx, job.id)
        found = [tree for row in rows for tree in payloads.trees_in(row.kind, sets.payload(tx, job.id, row.seq))]
    assert len(found) == 2 and {schema for schema, _ in found} == {INPUTS}
    wide.report(claim)
    wide.settle()
    infos = list(datums.list_datums(wide.store, wide.jobs("copy")[0].job))
    assert [len(info.inputs) for info in infos] == [NUMBER, NUMBER]
    assert len(wide.files("copy")) == 2


def test_it_is_skipped_run_again_and_dropped_like_any_other(wide):
    wide.settle()
    assert len(wide.took()) == 2
    wide.put("r5", {"/a": "5"})
    wide.settle()
    assert wide.took() == []
    wide.put("r3", {"/b": "changed"})
    wide.settle()
    assert len(wide.took()) == 1
    wide.put("r3", {}, delete=["/b"])
    wide.settle()
    assert wide.took() == []
    assert list(wide.files("copy")) == ["/" + "-".join("a" * NUMBER)]


def test_it_is_run_again_when_it_failed(wide):
    def fail(datum):
        raise RuntimeError("no luck")

    wide.code = fail
    wide.settle()
    assert len(wide.took()) == 2
    wide.code = names
    wide.put("r5", {"/a": "5"})
    wide.settle()
    assert len(wide.took()) == 2


def test_the_meta_repo_shows_every_input(wide):
    wide.settle()
    info = next(iter(datums.list_datums(wide.store, wide.jobs("copy")[0].job, states=[DatumState.SUCCESS])))
    head = CommitSpec(COPY.meta, branch="master")
    shown = [one.path for one in files.walk(wide.store, head, f"/pfs/{info.id}") if not one.path.endswith("/")]
    assert len([path for path in shown if "/out/" not in path]) == NUMBER
    said = json.loads(b"".join(files.get(wide.store, head, f"/meta/{info.id}/meta")))
    assert len(said["inputs"]) == NUMBER


def test_restarting_finds_it_by_any_of_its_inputs(wide):
    wide.controllers.settle()
    claim = wide.claim("default/copy/v1")
    work.beat(wide.store, claim.id, "w", datum=claim.datums[0].id)
    datums.restart(wide.store, claim.job, ["/a"])
    datums.restart(wide.store, claim.job, ["/a"])
    assert work.beat(wide.store, claim.id, "w", datum=claim.datums[0].id).cancelled == (claim.datums[0].id,)


def test_the_trees_of_a_record_are_told_for_garbage_collection(wide):
    wide.settle()
    with wide.db.read() as tx:
        row = jobs.get(tx, wide.jobs("copy")[0].job)
    for record in DatumIndex(wide.store.nodes, row.index_root).records():
        assert [schema for schema, _ in trees_of(record)] == [INPUTS]
