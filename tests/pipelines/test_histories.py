"""Whatever happened before, the output of a job that succeeds follows from the present data alone."""

from __future__ import annotations

import random

import pytest

from hathi.model.pps import JobState
from hathi.model.references import Job, Pipeline
from hathi.pipelines import jobs

INPUT = {"pfs": {"repo": "data", "glob": "/*"}}
SPEC = {"datum_set_spec": {"number": 1}}


def code_without(bad):
    """User code that fails on a content, and writes a file that tells whose it is and one that tells the content."""

    def code(datum):
        [part] = datum.inputs
        if part.hash.hex() in bad:
            raise RuntimeError("bad")
        return {f"/of{part.path}": part.hash.hex(), f"/is/{part.hash.hex()}{part.path}": ""}

    return code


def stop_halfway(world):
    world.controllers.settle()
    world.work(next(iter(world.runtime.groups)))
    with world.db.write() as tx:
        for job in world.jobs("copy"):
            if not job.state.terminal:
                jobs.stop(tx, job.job)


def crash_halfway(world):
    world.controllers.settle()
    world.work(next(iter(world.runtime.groups)))
    world.crash()


def update(world):
    world.pipeline("copy", INPUT, update=True, **SPEC)


def reprocess(world):
    world.pipeline("copy", INPUT, update=True, reprocess=True, **SPEC)


def nothing(world):
    pass


@pytest.mark.parametrize("seed", range(4))
def test_an_output_follows_from_the_present_data_alone(world, planning, seed):
    chance = random.Random(seed)
    hashes = {text: planning.content(text).hash.hex() for text in ("one", "two", "bad")}
    world.code = code_without({hashes["bad"]})
    world.pipeline("copy", INPUT, **SPEC)
    held = {}
    for _ in range(8):
        put = {chance.choice(["/a", "/b", "/c", "/d"]): chance.choice(list(hashes)) for _ in range(2)}
        gone = {path for path in held if path not in put and chance.random() < 0.3}
        held = {path: text for path, text in (held | put).items() if path not in gone}
        id = world.put("data", put, delete=gone)
        chance.choice([nothing, nothing, stop_halfway, crash_halfway, update, reprocess])(world)
        world.settle()
        with world.db.read() as tx:
            state = jobs.inspect(tx, Job(Pipeline("default", "copy"), id)).state
        last = world.jobs("copy")[-1]
        if last.state is JobState.SUCCESS:
            assert "bad" not in held.values()
            assert set(world.files("copy")) == {
                path for name, text in held.items() for path in (f"/of{name}", f"/is/{hashes[text]}{name}")
            }
        else:
            assert "bad" in held.values() or state is JobState.KILLED
        assert last.counters.total in (len(held), 0)
