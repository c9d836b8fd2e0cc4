"""However the jobs before end, what was planned early is part of what is planned after them."""

from __future__ import annotations

import random

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hathi.model.identity import datum_hash, datum_id
from hathi.model.inputs import Cross, Pfs, Union
from hathi.model.pps import DatumState
from hathi.model.records import DatumRecord
from hathi.model.references import Repo
from hathi.pipelines.index import EMPTY_ROOT, DatumIndex
from hathi.pipelines.planning.combos import enumerate_combos
from hathi.pipelines.planning.early import AtWork, plan_early
from hathi.pipelines.planning.steps import Base, Run, Wanted, plan
from hathi.pipelines.planning.written import Ids
from hathi.storage.filesets import tree
from hathi.storage.filesets.datums import DATUMS, key_of

SALT = "salt"
FILES = st.dictionaries(st.sampled_from(["/a", "/b", "/c", "/d/x", "/d/y"]), st.sampled_from(["1", "2"]))
REPOS = st.fixed_dictionaries({"r": FILES, "s": FILES})
LEAVES = st.builds(
    lambda repo, glob: Pfs(repo, Repo("default", repo), "master", glob),
    st.sampled_from(["r", "s"]),
    st.sampled_from(["/", "/*", "/d/*", "/**"]),
)
INPUTS = st.one_of(
    LEAVES,
    st.builds(
        lambda kind, parts: kind(tuple(parts)),
        st.sampled_from([Cross, Union]),
        st.lists(LEAVES, min_size=2, max_size=2),
    ),
)
ENDS = st.sampled_from(["complete", "killed", "unplanned"])


def leave(store, base, job, end, chance):
    """The index that a job leaves which starts from `base` and ends in one of the ways of ENDS."""
    records = {record.id: record.encode() for record in base.records()}
    ran = {}
    for combo in enumerate_combos(job.input, job.trees):
        id = datum_id(combo)
        state = chance.choice([DatumState.SUCCESS, DatumState.FAILED])
        ran[id] = DatumRecord(id, datum_hash(id, combo, SALT), state, "job", combo).encode()
    if end == "complete":
        records = ran
    elif end == "killed":
        records |= {id: value for id, value in ran.items() if chance.random() < 0.5}
    items = sorted((key_of(id), value) for id, value in records.items())
    return DatumIndex(store, tree.build(DATUMS, store, items))


@settings(
    max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
@given(
    inputs=st.lists(INPUTS, min_size=1, max_size=2),
    states=st.lists(REPOS, min_size=3, max_size=4),
    ends=st.lists(ENDS, min_size=4, max_size=4),
    again=st.booleans(),
    seed=st.integers(0, 1000),
)
def test_what_is_planned_early_is_planned_late_just_so(planning, inputs, states, ends, again, seed):
    """Jobs with these states of the repos: the first one ended, the others are at work while the last is planned."""
    store, chance = planning.MemoryNodes(), random.Random(seed)
    kinds = [inputs[place % len(inputs)] for place in range(len(states))]
    jobs = [AtWork(kind, planning.trees_of(store, kind, held)) for kind, held in zip(kinds, states, strict=True)]
    first, *at_work, last = jobs
    index = leave(store, DatumIndex(store, EMPTY_ROOT), first, "complete", chance)
    wanted = Wanted(last.input, last.trees, SALT, again)
    early = list(plan_early(wanted, at_work[::-1], [index]))
    base, left = Base(index, first.input, first.trees, SALT), []
    for job, end in zip(at_work, ends, strict=False):
        after = leave(store, base.index, job, end, chance)
        base, left = (Base(after, job.input, job.trees, SALT), []) if end == "complete" else (base, [after, *left])
    late = {step.id: step for step in plan(wanted, base, left)}
    assert len({step.id for step in early}) == len(early)
    assert [late.get(step.id) for step in early] == early


@pytest.mark.parametrize("repo", ["r", "s"])
def test_what_is_new_can_begin_and_what_changed_must_wait(planning, repo):
    store = planning.MemoryNodes()
    input = planning.leaf("r")
    at_work = AtWork(input, planning.trees_of(store, input, {"r": {"/a": "1", "/b": "1"}}))
    other = planning.leaf("r", name=repo)
    wanted = Wanted(other, planning.trees_of(store, other, {"r": {"/a": "2", "/b": "1", "/c": "1"}}), SALT)
    steps = list(plan_early(wanted, [at_work], []))
    assert all(isinstance(step, Run) and not step.replaces for step in steps)
    assert [step.inputs[0].path for step in steps] == (["/c"] if repo == "r" else ["/a", "/b", "/c"])


def test_ids_are_found_by_their_text():
    ids = [f"{number:064x}" for number in (1, 5, 9)]
    held = Ids(ids)
    assert len(held) == 3
    assert [f"{number:064x}" in held for number in range(11)] == [number in (1, 5, 9) for number in range(11)]
    assert f"{0:064x}" not in Ids([])
