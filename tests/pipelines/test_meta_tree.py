"""The datum index of a meta commit reads like files, as clients of the original know them."""

from __future__ import annotations

import json

import pytest

from hathi.model.references import CommitSpec, Pipeline, Repo
from hathi.pipelines import datums
from hathi.versioning import files, repos
from hathi.versioning.errors import FileNotFound

META = Pipeline("default", "copy").meta
HEAD = CommitSpec(META, branch="master")


@pytest.fixture
def ended(world):
    """A world in which `copy` ran over two files and one failed."""

    def code(datum):
        if datum.inputs[0].path == "/b":
            raise RuntimeError("no luck")
        return {"/x/result": "done"}

    world.code = code
    world.put("data", {"/a": "1", "/b": "22"})
    world.pipeline("copy")
    world.settle()
    return world


def ids(world):
    """Datum ids by the path of their input."""
    return {one.inputs[0].path: one.id for one in datums.list_datums(world.store, world.jobs("copy")[-1].job)}


def paths(found):
    return [info.path for info in found]


def text(world, path):
    return b"".join(files.get(world.store, HEAD, path)).decode()


def test_inputs_outputs_and_what_is_known_are_files(ended):
    a, b = ids(ended)["/a"], ids(ended)["/b"]
    assert sorted(path for path in paths(files.walk(ended.store, HEAD)) if not path.endswith("/")) == sorted(
        [f"/meta/{a}/meta", f"/meta/{b}/meta", f"/pfs/{a}/data/a", f"/pfs/{a}/out/x/result", f"/pfs/{b}/data/b"]
    )
    assert text(ended, f"/pfs/{b}/data/b") == "22"
    assert text(ended, f"/pfs/{a}/out/x/result") == "done"


def test_the_meta_file_tells_of_its_datum(ended):
    b = ids(ended)["/b"]
    said = json.loads(text(ended, f"/meta/{b}/meta"))
    assert (said["state"], said["reason"], said["job"]["id"]) == ("FAILED", "no luck", ended.jobs("copy")[-1].job.id)
    [part] = said["inputs"]
    assert (part["name"], part["branch"], part["fileInfo"]["file"]["path"]) == ("data", "master", "/b")


def test_each_way_of_looking_tells_the_same(ended):
    a = ids(ended)["/a"]
    assert paths(files.list_files(ended.store, HEAD)) == ["/meta/", "/pfs/"]
    assert paths(files.list_files(ended.store, HEAD, "/pfs")) == sorted(f"/pfs/{id}/" for id in ids(ended).values())
    assert paths(files.list_files(ended.store, HEAD, f"/pfs/{a}")) == [f"/pfs/{a}/data/", f"/pfs/{a}/out/"]
    assert paths(files.glob(ended.store, HEAD, f"/pfs/{a}/*/*")) == [f"/pfs/{a}/data/a", f"/pfs/{a}/out/x/"]
    assert paths(files.glob(ended.store, HEAD, "/pfs/*/out/**/result")) == [f"/pfs/{a}/out/x/result"]
    assert [info.path for info, _ in files.get_all(ended.store, HEAD, f"/pfs/{a}")] == [
        f"/pfs/{a}/data/a",
        f"/pfs/{a}/out/x/result",
    ]
    whole = {info.path: (info.size, info.hash) for info in files.walk(ended.store, HEAD)}
    one = {info.path: (info.size, info.hash) for info in files.walk(ended.store, HEAD, f"/pfs/{a}")}
    assert one == {path: told for path, told in whole.items() if path.startswith(f"/pfs/{a}")}


def test_part_of_a_file_can_be_read(ended):
    b = ids(ended)["/b"]
    whole = text(ended, f"/meta/{b}/meta")
    assert b"".join(files.get(ended.store, HEAD, f"/meta/{b}/meta", 7)).decode() == whole[7:]
    assert b"".join(files.get(ended.store, HEAD, f"/pfs/{b}/data/b", 1)) == b"2"


@pytest.mark.parametrize("path", ["/nothing", "/pfs/" + "0" * 64, "/meta/short/meta"])
def test_what_is_not_there_is_not_found(ended, path):
    with pytest.raises(FileNotFound):
        files.stat(ended.store, HEAD, path)


def test_the_index_of_a_job_at_work_shows_nothing_yet(ended):
    ended.put("data", {"/c": "3"})
    ended.controllers.settle()
    assert paths(files.walk(ended.store, HEAD)) == []


def test_inputs_that_were_deleted_are_left_out(ended):
    a = ids(ended)["/a"]
    with ended.db.write() as tx:
        repos.delete(tx, Repo("default", "data"), force=True)
    assert paths(files.walk(ended.store, HEAD, f"/pfs/{a}")) == [
        f"/pfs/{a}/",
        f"/pfs/{a}/out/",
        f"/pfs/{a}/out/x/",
        f"/pfs/{a}/out/x/result",
    ]
