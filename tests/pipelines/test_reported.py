"""What a worker reports may be wrong in any way: the job fails and says so, and nothing of it is built on."""

from __future__ import annotations

from dataclasses import replace

import pytest

from hathi.model.pps import DatumState
from hathi.pipelines import work
from hathi.storage.filesets import tree
from hathi.storage.filesets.datums import DATUMS, key_of

GROUP = "default/copy/v1"


@pytest.fixture
def planned(world):
    world.put("data", {"/a": "1", "/b": "2"})
    world.pipeline("copy", datum_set_spec={"number": 2})
    world.controllers.settle()
    return world


def report(world, spoil, *, store=True):
    """Report a claim's records, as encoded items of the index, after `spoil` changed them."""
    claim = world.claim(GROUP)
    with world.store.chunks.upload() as upload:
        records = sorted((world.run(upload, claim, datum) for datum in claim.datums), key=lambda one: one.id)
        items = [(key_of(one.id), one.encode()) for one in spoil(records, upload)]
        root = tree.build(DATUMS, upload, items) if store else bytes(range(32))
        packs = upload.seal()
        upload.named(packs)
    assert work.report(world.store, work.Report(claim.id, "w", upload.holder, packs, root, processed=len(items)))
    world.controllers.settle()
    [(state, reason)] = world.states("copy")
    assert state == "FAILURE"
    assert reason.startswith("what a worker reported")
    return reason


def first(**changes):
    return lambda records, upload: [replace(records[0], **changes), *records[1:]]


@pytest.mark.parametrize(
    ("outputs", "why"),
    [
        ((("/a*b", b""),), "globbing character (*) not allowed in path"),
        ((("a", b""),), "path (a) is not one of a file"),
        ((("/", b""),), "path (/) is not one of a file"),
        ((("/x/../y", b""),), "relative file paths are not allowed"),
        ((("/a", b"\xff" * 9),), "unknown kind of file content"),
        ((("/a", b""),), ""),
    ],
)
def test_files_that_cannot_be(planned, outputs, why):
    reason = report(planned, first(outputs=outputs))
    assert " of datum " in reason and why in reason


def test_a_tree_of_files_that_is_not_there(planned):
    assert "is in no live pack" in report(planned, first(outputs=(), output_root=b"\1" * 32))


def test_a_datum_that_is_not_decided(planned):
    assert "its state is starting" in report(planned, first(state=DatumState.STARTING))


def test_too_few_records(planned):
    assert "it has 1 records, but the set 2 datums" in report(planned, lambda records, upload: records[:1])


def test_records_that_are_not_there(planned):
    assert "is in no live pack" in report(planned, lambda records, upload: records, store=False)


def test_a_record_that_cannot_be_read(planned):
    class Garbled:
        def __init__(self, record):
            self.id = record.id

        def encode(self):
            return bytes([DatumState.SUCCESS.value]) + b"[]"

    assert "its record is garbled" in report(planned, lambda records, _: [Garbled(one) for one in records])


def test_a_record_under_the_name_of_another(planned):
    class Misnamed:
        def __init__(self, record, other):
            self.id, self.encode = record.id, other.encode

    assert "its record is one of" in report(planned, lambda records, _: [records[0], Misnamed(records[1], records[0])])


def test_the_next_job_runs_everything_again(planned):
    report(planned, first(outputs=(("/a*b", b""),)))
    planned.took()
    planned.put("data", {"/c": "3"})
    planned.settle()
    assert planned.took() == ["data:/a", "data:/b", "data:/c"]
    assert set(planned.files("copy")) == {"/a", "/b", "/c"}


def test_outputs_that_clash_are_made_again_by_another_version_of_the_code_only(world):
    world.code = lambda datum: {"/same": datum.id}
    world.put("data", {"/a": "1", "/b": "2"})
    world.pipeline("copy")
    world.settle()
    world.took()
    world.put("data", {"/c": "3"})
    world.settle()
    assert world.took() == ["data:/c"]
    assert [state for state, _ in world.states("copy")] == ["FAILURE", "FAILURE"]
    world.code = lambda datum: {datum.inputs[0].path: "mended"}
    world.pipeline("copy", update=True)
    world.settle()
    assert world.took() == ["data:/a", "data:/b", "data:/c"]
    assert world.states("copy")[-1] == ("SUCCESS", "")
