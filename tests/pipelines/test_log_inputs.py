"""Lines name their datum; what it read is found while its job runs, and when it has ended."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from hathi.model.pps import LogMessage
from hathi.pipelines import payloads
from hathi.pipelines.log_inputs import LogInputs

GROUP = "default/copy/v1"


@pytest.fixture
def world_at_work(world):
    world.put("data", {f"/{n}": str(n) for n in range(5)})
    world.pipeline("copy", datum_set_spec={"number": 2})
    world.controllers.settle()
    return world


def line(claim, datum):
    return LogMessage(
        datetime(2024, 1, 1, tzinfo=UTC), "x", "default", "copy", claim.job.id, datum.id, datum_set=claim.datum_set
    )


def test_inputs_are_found_in_the_set_while_the_job_runs_and_in_the_index_afterwards(world_at_work):
    world = world_at_work
    claims = []
    while claim := world.claim(GROUP, f"w{len(claims)}"):
        claims.append(claim)
    assert [claim.datum_set for claim in claims] == [0, 1, 2]
    lines = [(line(claim, datum), datum) for claim in claims for datum in claim.datums]
    running = LogInputs(world.store)
    assert all(tuple(running.shown(one)) == datum.inputs for one, datum in lines)
    for number, claim in enumerate(claims):
        world.report(claim, f"w{number}")
    world.settle()
    ended = LogInputs(world.store)
    assert all(tuple(ended.shown(one)) == datum.inputs for one, datum in lines)


def test_lines_are_chosen_by_paths_and_hashes_that_their_datum_reads(world_at_work):
    claim = world_at_work.claim(GROUP)
    one, datum = line(claim, claim.datums[1]), claim.datums[1]
    [part] = datum.inputs
    for texts, fits in [
        ((part.path,), True),
        ((part.path[1:], part.hash.hex()), True),
        (("/nowhere", part.path), False),
    ]:
        assert LogInputs(world_at_work.store).reads(one, texts) is fits


def test_a_line_of_no_datum_or_of_a_job_that_is_gone_has_no_inputs(world_at_work):
    claim = world_at_work.claim(GROUP)
    inputs = LogInputs(world_at_work.store)
    blank = LogMessage(datetime(2024, 1, 1, tzinfo=UTC), "x", "default", "copy", claim.job.id)
    assert inputs.shown(blank) == ()
    assert not inputs.reads(blank, ["/0"])
    lost = LogMessage(datetime(2024, 1, 1, tzinfo=UTC), "x", "default", "copy", "0" * 32, "0" * 64)
    assert inputs.shown(lost) == ()


def test_finding_one_datum_of_a_set_decodes_no_other(world_at_work, monkeypatch):
    claim = world_at_work.claim(GROUP)
    decoded = []
    decode = payloads.DatumRecord.decode

    def counted(data):
        decoded.append(data)
        return decode(data)

    monkeypatch.setattr(payloads.DatumRecord, "decode", staticmethod(counted))
    assert LogInputs(world_at_work.store).shown(line(claim, claim.datums[0]))
    assert len(decoded) == 1
