"""What tests of pipelines share: trees of files made from dictionaries, and a world where jobs run in this thread."""

from __future__ import annotations

from contextlib import nullcontext
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from types import SimpleNamespace

import pytest
from blake3 import blake3
from collecting import noting_names
from databases import database_url

from hathi.metadata.database import Database
from hathi.metadata.ledger import DatabaseLedger
from hathi.model.ids import new_id
from hathi.model.inputs import Cross, Pfs, Union, sources
from hathi.model.pps import DatumState
from hathi.model.records import DatumRecord
from hathi.model.references import CommitSpec, Pipeline, Repo
from hathi.pipelines import definitions, jobs, meta_tree, references, work
from hathi.pipelines.births import register
from hathi.pipelines.controllers import Controllers
from hathi.pipelines.logs import Logs
from hathi.pipelines.planning.trees import Head, Trees
from hathi.runtimes.fake import FakeRuntime
from hathi.storage.chunks.content import Content
from hathi.storage.chunks.maintenance import MaintainedChunks
from hathi.storage.filesets import tree
from hathi.storage.filesets.datum_inputs import inputs_of
from hathi.storage.filesets.datums import DATUMS, key_of
from hathi.storage.filesets.entry import FILES
from hathi.storage.objects.memory import MemoryStore
from hathi.storage.segments import SegmentLog
from hathi.supervision import Supervisor
from hathi.versioning import files, repos
from hathi.versioning.store import Store
from hathi.versioning.writing import Writer


class MemoryNodes:
    """A store of nodes that is a dictionary."""

    def __init__(self):
        self.blobs = {}

    def get(self, id):
        return self.blobs[id]

    def put(self, data):
        id = blake3(data).digest()
        self.blobs[id] = data
        return id


def content(text):
    """Content of a file that holds `text`; equal texts, equal contents."""
    data = text.encode()
    return Content(len(data), ((blake3(data).digest(), len(data)),)) if data else Content(0)


def file_tree(store, files):
    """Root of a tree that holds `files`: path -> text."""
    items = sorted((path.encode(), content(text).encode()) for path, text in files.items())
    return tree.build(FILES, store, items)


def leaf(repo, glob="/*", *, name="", **fields):
    return Pfs(name or repo, Repo("default", repo), "master", glob, **fields)


def trees_of(store, input, repos):
    """The trees of an input when `repos` (name -> files) hold these files."""
    heads = {
        branch: Head(branch.repo.commit(new_id()), file_tree(store, repos[branch.repo.name]))
        for branch in sources(input)
    }
    return Trees(store, heads)


@pytest.fixture
def planning():
    return SimpleNamespace(
        MemoryNodes=MemoryNodes,
        content=content,
        file_tree=file_tree,
        leaf=leaf,
        trees_of=trees_of,
        Cross=Cross,
        Union=Union,
    )


class Clock:
    """A clock that moves when told to."""

    def __init__(self):
        self.now = datetime(2024, 1, 1, tzinfo=UTC)

    def __call__(self):
        return self.now

    def advance(self, seconds):
        self.now += timedelta(seconds=seconds)


def copy_input(datum):
    """User code that writes, for each input, a file of the same path (`/whole` for a repo) that tells its content."""
    return {part.path if part.path != "/" else "/whole": part.hash.hex() for part in datum.inputs}


class World:
    """Everything below the doors, in this process and this thread: a database, chunks in memory, controllers, workers.

    `code` is the user code: a function of a datum that returns path -> text, or raises to let the datum fail.
    """

    def __init__(self, url):
        self.clock = Clock()
        self.url = url
        self.objects = MemoryStore()
        self.runtime = FakeRuntime()
        self.code = copy_input
        self.image = ""
        self.ran = []
        self._logs = TemporaryDirectory()
        self.open()

    def open(self):
        """Open the database and begin to control, as after a start of the program."""
        self.db = Database.open(self.url, durable=False, clock=self.clock)
        ledger = DatabaseLedger(self.db)
        self.store = Store(self.db, MaintainedChunks(self.objects, ledger), ledger)
        register(self.store)
        meta_tree.register(self.store)
        references.register(self.store)
        self.logs = Logs(SegmentLog(Path(self._logs.name)), self.db.feed)
        self.controllers = Controllers(self.store, self.runtime, self.logs, Supervisor(self.clock))
        self.controllers.subscribe()

    def crash(self):
        """Forget everything that is not in the database or the object store, and begin anew."""
        self.controllers.stop()
        self.db.close()
        self.runtime = FakeRuntime()
        self.open()

    def close(self):
        self.controllers.stop()
        self.store.chunks.close()
        self.db.close()
        self._logs.cleanup()

    # What people do.

    def repo(self, name):
        with self.db.write() as tx:
            repos.create(tx, Repo("default", name))

    def put(self, repo, files, *, delete=()):
        """Commit files (path -> text) to `repo@master`; returns the commit's id."""
        with Writer(self.store, CommitSpec(Repo("default", repo), branch="master")) as writer:
            for path in delete:
                writer.delete(path)
            for path, text in files.items():
                writer.put(path, [text.encode()])
            return writer.close().id

    def pipeline(self, name, input="data", *, update=False, reprocess=False, **fields):
        """Create or update a pipeline; `input` is a repo (glob /*) or a dictionary, and so may `name` be."""
        if isinstance(input, str):
            input = {"pfs": {"repo": input, "glob": "/*"}}
        named = {"name": name} if isinstance(name, str) else name
        spec = {"pipeline": named, "transform": {"cmd": ["true"]}, "input": input, **fields}
        with self.db.write() as tx:
            return definitions.create(tx, spec, update=update, reprocess=reprocess, runtime="fake")

    def files(self, repo, branch="master"):
        """What `repo@branch` holds: path -> text."""
        tree = files.read(self.store, CommitSpec(Repo("default", repo), branch=branch))
        return {stat.path: b"".join(self.store.chunks.read(stat.content)).decode() for stat in tree.files()}

    # What happens by itself.

    def settle(self):
        """Let controllers and workers do all there is to do now."""
        while True:
            self.controllers.settle()
            worked = [self.work(group) for group in list(self.runtime.groups)]
            if not any(worked):
                return

    def work(self, group, worker="w"):
        """Let one worker run one set; False when there is none."""
        claim = self.claim(group, worker)
        if claim is None:
            return False
        assert self.report(claim, worker)
        return True

    def claim(self, group, worker="w"):
        return work.claim(self.store, group, worker, wait=0)

    def wait_for_claim(self, group, cancelled):
        return work.claim(self.store, group, "w", wait=60, cancelled=cancelled)

    def report(self, claim, worker="w"):
        """Run the datums of a claim and report."""
        with self.store.chunks.upload() as upload:
            records = [self.run(upload, claim, datum) for datum in claim.datums]
            index = tree.build(DATUMS, upload, sorted((key_of(one.id), one.encode()) for one in records))
            packs = upload.seal()
            upload.named(packs)  # by the report, as far as the worker can tell
        failed = [one for one in records if one.state is DatumState.FAILED]
        return work.report(
            self.store,
            work.Report(
                claim.id,
                worker,
                upload.holder,
                packs,
                index,
                processed=len(records) - len(failed),
                failed=len(failed),
                failed_datum=failed[0].id if failed else "",
                failed_reason=failed[0].reason if failed else "",
                image=self.image,
            ),
        )

    def run(self, upload, claim, datum):
        inputs = tuple(inputs_of(self.store.chunks, datum))
        self.ran.append(" ".join(f"{part.name}:{part.path}" for part in inputs))
        state, reason, written = DatumState.SUCCESS, "", {}
        try:
            written = self.code(replace(datum, inputs=inputs))
        except Exception as error:
            state, reason = DatumState.FAILED, str(error)
        outputs = tuple((path, upload.content([text.encode()]).encode()) for path, text in sorted(written.items()))
        return DatumRecord(
            datum.id,
            datum.hash,
            state,
            claim.job.id,
            datum.inputs,
            outputs,
            reason=reason,
            index=datum.index,
            input_root=datum.input_root,
        )

    # What one can see.

    def jobs(self, name):
        """Jobs of a pipeline, oldest first."""
        return list(jobs.list_jobs(self.store, pipeline=Pipeline("default", name), reverse=True, details=True))

    def states(self, name):
        return [(job.state.name, job.reason) for job in self.jobs(name)]

    def took(self):
        """What user code ran since this was asked last, sorted."""
        ran, self.ran = sorted(self.ran), []
        return ran


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def world(tmp_path, request):
    world = World(database_url(tmp_path / "hathi.db"))
    with nullcontext() if "costs" in request.module.__name__ else noting_names(lambda: world.store):
        world.repo("data")
        yield world
    world.close()
