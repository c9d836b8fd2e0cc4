"""Whatever changed, the plan made from the changes is the plan made by looking at everything."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from hathi.model.identity import datum_hash, datum_id
from hathi.model.inputs import Cross, Pfs, Union
from hathi.model.pps import DatumState
from hathi.model.records import DatumRecord
from hathi.model.references import Repo
from hathi.pipelines.index import EMPTY_ROOT, DatumIndex
from hathi.pipelines.planning.combos import enumerate_combos
from hathi.pipelines.planning.steps import Adopt, Base, Drop, Run, Wanted, plan
from hathi.storage.filesets import tree
from hathi.storage.filesets.datums import DATUMS, key_of

SALT = "salt"
PATHS = ["/a", "/b", "/d/x", "/d/y", "/d/e/z", "/d-e/x", "/f"]
GLOBS = ["/", "/*", "/**", "/d/*", "/*/*", "/d*", "/a", "/{a,d}"]
STATES = [DatumState.SUCCESS, DatumState.FAILED, DatumState.RECOVERED]


def consistent(files):
    """Whether no path is a file and a directory."""
    return not any(other.startswith(path + "/") for path in files for other in files)


FILES = st.dictionaries(st.sampled_from([*PATHS, "/d", "/a/q"]), st.sampled_from(["1", "2"])).filter(consistent)
REPOS = st.fixed_dictionaries({"r": FILES, "s": FILES})
LEAVES = st.builds(
    lambda repo, glob, reference: Pfs(repo, Repo("default", repo), "master", glob, reference=reference),
    st.sampled_from(["r", "s"]),
    st.sampled_from(GLOBS),
    st.booleans(),
)
INPUTS = st.recursive(
    LEAVES,
    lambda children: st.builds(
        lambda kind, parts: kind(tuple(parts)),
        st.sampled_from([Cross, Union]),
        st.lists(children, min_size=1, max_size=2),
    ),
    max_leaves=3,
)


def index_of(store, input, trees, states):
    """The index of a job that ran every datum of `input`, with these outcomes."""
    records = {}
    for place, combo in enumerate(enumerate_combos(input, trees)):
        id = datum_id(combo)
        state = states[place % len(states)]
        records[key_of(id)] = DatumRecord(id, datum_hash(id, combo, SALT), state, "job", combo).encode()
    return DatumIndex(store, tree.build(DATUMS, store, sorted(records.items())))


def as_set(steps):
    """The plan, comparable; no datum may be in it twice."""
    steps = list(steps)
    assert len({step.id for step in steps}) == len(steps)
    return {
        (type(step).__name__, step.id, getattr(step, "hash", ""), getattr(step, "replaces", None)) for step in steps
    }


SIBLINGS = Union(tuple(Pfs("r", Repo("default", "r"), "master", "/*", reference=flag) for flag in (True, False)))


@settings(
    max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
@example(SIBLINGS, {"r": {"/a": "1"}, "s": {}}, {"r": {"/a": "2"}, "s": {}}, [DatumState.FAILED])
@given(input=INPUTS, before=REPOS, after=REPOS, states=st.lists(st.sampled_from(STATES), min_size=1, max_size=4))
def test_a_plan_from_changes_equals_a_plan_from_everything(planning, input, before, after, states):
    store = planning.MemoryNodes()
    old, new = planning.trees_of(store, input, before), planning.trees_of(store, input, after)
    index = index_of(store, input, old, states)
    wanted = Wanted(input, new, SALT)
    fast = as_set(plan(wanted, Base(index, input, old, SALT)))
    assert fast == as_set(plan(wanted, Base(index)))


@settings(
    max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
@given(input=INPUTS, repos=REPOS)
def test_nothing_is_planned_when_nothing_changed(planning, input, repos):
    store = planning.MemoryNodes()
    old, new = planning.trees_of(store, input, repos), planning.trees_of(store, input, repos)
    index = index_of(store, input, old, [DatumState.SUCCESS])
    assert list(plan(Wanted(input, new, SALT), Base(index, input, old, SALT))) == []


@pytest.fixture
def store(planning):
    return planning.MemoryNodes()


def changes(planning, store, input, before, after, *, salt=SALT, again=False):
    old = planning.trees_of(store, input, before)
    index = index_of(store, input, old, [DatumState.SUCCESS])
    wanted = Wanted(input, planning.trees_of(store, input, after), salt, again)
    return list(plan(wanted, Base(index, input, old, SALT)))


def test_a_new_file_runs_one_datum(planning, store):
    [step] = changes(planning, store, planning.leaf("r"), {"r": {"/a": "1"}}, {"r": {"/a": "1", "/b": "1"}})
    assert isinstance(step, Run) and step.inputs[0].path == "/b" and not step.replaces


def test_a_changed_file_runs_its_datum_again(planning, store):
    [step] = changes(planning, store, planning.leaf("r"), {"r": {"/a": "1"}}, {"r": {"/a": "2"}})
    assert isinstance(step, Run) and step.replaces


def test_a_deleted_file_drops_its_datum(planning, store):
    [step] = changes(planning, store, planning.leaf("r"), {"r": {"/a": "1"}}, {"r": {}})
    assert isinstance(step, Drop)


def planned(planning, store, input, repos):
    wanted = Wanted(input, planning.trees_of(store, input, repos), SALT)
    return list(plan(wanted, Base(DatumIndex(store, EMPTY_ROOT))))


def test_the_whole_repo_is_one_datum_unless_it_is_empty(planning, store):
    [step] = planned(planning, store, planning.leaf("r", "/"), {"r": {"/a": "1"}})
    assert isinstance(step, Run) and step.inputs[0].path == "/"
    assert planned(planning, store, planning.leaf("r", "/"), {"r": {}}) == []


def test_code_is_one_datum_even_when_nothing_was_built(planning, store):
    input = Pfs("build", Repo("default", "p_build"), "build", "/")
    [step] = planned(planning, store, input, {"p_build": {}})
    assert isinstance(step, Run) and step.inputs[0].path == "/"


def test_a_directory_is_named_with_a_slash_behind(planning, store):
    [step] = planned(planning, store, planning.leaf("r", "/*"), {"r": {"/d/x": "1"}})
    assert step.inputs[0].path == "/d/"
    assert step.id == datum_id(step.inputs)


def test_siblings_of_a_union_share_a_datum(planning, store):
    input = planning.Union((planning.leaf("r", "/*"), planning.leaf("r", "/a")))
    wanted = Wanted(input, planning.trees_of(store, input, {"r": {"/a": "1", "/b": "1"}}), SALT)
    assert len(list(plan(wanted, Base(DatumIndex(store, EMPTY_ROOT))))) == 2


def test_an_input_that_is_a_reference_reruns_nothing_when_its_content_changes(planning, store):
    input = planning.Cross((planning.leaf("r"), planning.leaf("s", reference=True)))
    before = {"r": {"/a": "1"}, "s": {"/m": "1"}}
    assert changes(planning, store, input, before, {"r": {"/a": "1"}, "s": {"/m": "2"}}) == []


def test_another_salt_runs_everything(planning, store):
    files = {"r": {"/a": "1", "/b": "1"}}
    assert len(changes(planning, store, planning.leaf("r"), files, files, salt="other")) == 2


def test_every_job_runs_everything(planning, store):
    files = {"r": {"/a": "1", "/b": "1"}}
    assert all(isinstance(step, Run) for step in changes(planning, store, planning.leaf("r"), files, files, again=True))


def test_a_success_of_a_killed_job_is_adopted(planning, store):
    input = planning.leaf("r")
    old, new = (planning.trees_of(store, input, {"r": files}) for files in ({"/a": "1"}, {"/a": "1", "/b": "1"}))
    killed = index_of(store, input, new, [DatumState.SUCCESS])
    base = Base(index_of(store, input, old, [DatumState.SUCCESS]), input, old, SALT)
    [step] = plan(Wanted(input, new, SALT), base, [killed])
    assert step == Adopt(step.id, killed.root)


def test_a_failure_of_a_killed_job_is_run_again(planning, store):
    input = planning.leaf("r")
    trees = planning.trees_of(store, input, {"r": {"/a": "1"}})
    killed = index_of(store, input, trees, [DatumState.FAILED])
    [step] = plan(Wanted(input, trees, SALT), Base(DatumIndex(store, EMPTY_ROOT)), [killed])
    assert isinstance(step, Run)
