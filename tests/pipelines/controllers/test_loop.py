"""The threads do what the tests elsewhere do by hand."""

from __future__ import annotations

import threading

from hathi.model.pps import JobState
from hathi.model.references import Job, Pipeline
from hathi.pipelines import job_waits
from hathi.pipelines.controllers import Controllers
from hathi.pipelines.waiting import WaitEnded


def test_jobs_run_by_themselves_while_controllers_are_started(world):
    world.controllers.stop()
    controllers = Controllers(world.store, world.runtime, world.logs)
    controllers.start()
    left = threading.Event()

    def works():
        try:
            while (claim := world.wait_for_claim("default/copy/v1", left.is_set)) is not None:
                world.report(claim)
        except WaitEnded:
            pass

    world.pipeline("copy")
    worker = threading.Thread(target=works)
    worker.start()
    try:
        id = world.put("data", {"/a": "1", "/b": "2"})
        info = job_waits.wait(world.store, Job(Pipeline("default", "copy"), id))
        assert info.state is JobState.SUCCESS
        assert set(world.files("copy")) == {"/a", "/b"}
    finally:
        left.set()
        world.db.feed.publish("work/default/copy")
        worker.join(30)
        controllers.stop()
    assert not worker.is_alive()
