"""Old data does not tax new data: a change of one file touches a hundred tree nodes at most, whatever else there is."""

from __future__ import annotations

import pytest

from hathi.storage.chunks.store import Chunks
from hathi.storage.chunks.upload import Upload

FILES = 20_000
LIMIT = 100


@pytest.fixture
def touched(monkeypatch):
    """Counts what trees ask of their store and write to it: input, output and meta commit, plan and report."""
    counts = {"read": 0, "written": 0}

    def count(cls, name, what):
        method = getattr(cls, name)

        def counted(self, *args):
            counts[what] += 1
            return method(self, *args)

        monkeypatch.setattr(cls, name, counted)

    count(Chunks, "get", "read")
    count(Upload, "get", "read")
    count(Upload, "put", "written")
    return counts


def test_one_more_file_among_many(world, touched):
    world.code = lambda datum: {datum.inputs[0].path: "same"}
    world.put("data", {f"/{n:05}": "same" for n in range(FILES)})
    world.pipeline("copy")
    world.settle()
    assert len(world.took()) == FILES
    for change, ran in [({"/new": "1"}, ["data:/new"]), ({"/00500": "changed"}, ["data:/00500"])]:
        touched.update(read=0, written=0)
        world.put("data", change)
        world.settle()
        assert world.took() == ran
        assert touched["read"] + touched["written"] <= LIMIT, touched
    touched.update(read=0, written=0)
    world.put("data", {}, delete=["/00600"])
    world.settle()
    assert touched["read"] + touched["written"] <= LIMIT, touched
    assert world.states("copy")[-1] == ("SUCCESS", "")
    job = world.jobs("copy")[-1]
    assert (job.counters.processed, job.counters.skipped, job.counters.total) == (0, FILES, FILES)
