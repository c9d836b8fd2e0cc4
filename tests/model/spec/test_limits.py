"""What is too large or too deep is refused before anything looks into it, in a message of a few lines."""

from __future__ import annotations

import json
import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hathi.model.errors import InvalidError
from hathi.model.spec import SpecError, canonical, load_json, parse_spec, translate
from hathi.model.spec.limits import MAX_DEPTH, check, too_deep_at

SPEC = {"pipeline": {"name": "p"}, "transform": {"cmd": ["true"]}, "input": {"pfs": {"repo": "r", "glob": "/*"}}}


def nested(depth: int) -> dict:
    node = SPEC["input"]
    for _ in range(depth):
        node = {"cross": [node]}
    return {**SPEC, "input": node}


def doubled(levels: int) -> list:
    """Return what an alias bomb amounts to: small in memory, endless to walk."""
    value: list = ["x"] * 10
    for _ in range(levels):
        value = [value] * 10
    return value


BOMBS = {
    "inputs": (nested(200), "nested too deeply (at most 100 levels)"),
    "very deep inputs": (nested(20_000), "nested too deeply (at most 100 levels)"),
    "aliases": ({**SPEC, "input": {"cross": doubled(9)}}, "too many values (at most 50,000)"),
    "values": ({**SPEC, "transform": {"cmd": ["x"] * 60_000}}, "too many values (at most 50,000)"),
    "text": ({**SPEC, "description": "x" * (20 << 20)}, "too long (at most 1 MiB of text)"),
    "keys": ({"x" * (2 << 20): 1}, "too long (at most 1 MiB of text)"),
    "digits": ({**SPEC, "datum_tries": 10**5_000}, "datum_tries: too many digits"),
    "half a pair": ({**SPEC, "description": "a\ud800"}, "description: holds half a surrogate pair"),
    "half a pair in a key": ({**SPEC, "metadata": {"labels": {"\udc80": "x"}}}, "holds half a surrogate pair"),
}


@pytest.mark.parametrize(("spec", "told"), BOMBS.values(), ids=BOMBS)
def test_a_bomb_is_refused_however_it_comes(spec: dict, told: str) -> None:
    for reads in (parse_spec, canonical, translate):
        with pytest.raises(SpecError) as error:
            reads(spec)
        assert told in str(error.value)
        assert len(str(error.value)) < 500


def test_a_mapping_that_holds_itself_is_refused() -> None:
    itself: dict = {}
    itself["input"] = itself
    with pytest.raises(SpecError, match="nested too deeply"):
        parse_spec(itself)


def test_inputs_nest_as_deep_as_anybody_wants() -> None:
    assert parse_spec(nested(40)).input is not None


LONG = "x" * 500_000


@pytest.mark.parametrize(
    "change",
    [
        {"pipeline": {"name": LONG}},
        {"pipeline": {"name": "p", "project": {"name": LONG}}},
        {LONG: 1},
        {"transform": {LONG: 1}},
        {"transform": {"image": LONG}},
        {"transform": {"image": "a/" * 250_000}},
        {"metadata": {"labels": {LONG: 1}}},
        {"metadata": {"labels": {"a": {LONG: LONG}}}},
        {"output_branch": LONG},
        {"output_branch": "!" * 500_000},
        {"datum_tries": LONG},
        {"datum_tries": "9" * 500_000},
        {"datum_timeout": "9" * 500_000},
        {"datum_timeout": "1h" * 250_000},
        {"spec_commit": {"branch": {"repo": {"type": 1}}}, "reprocess_spec": LONG},
        {"resource_limits": {"memory": "9" * 500_000}},
        {"resource_limits": {"gpu": "9" * 500_000}},
        {"service": {"type": LONG}},
        {"egress": {"URL": LONG}},
        {"pod_spec": "[" * 500_000},
        {"pod_patch": '{"a": ' * 150_000},
        {"input": {"pfs": {"repo": LONG, "glob": "/*"}}},
        {"input": {"pfs": {"repo": "r", "name": LONG, "glob": "/*"}}},
        {"input": {"pfs": {"repo": "r", "name": "/" + LONG, "glob": "/*"}}},
        {"input": {"pfs": {"repo": "r", "branch": LONG, "glob": "/*"}}},
        {"input": {"pfs": {"repo": "r", "repo_type": LONG, "glob": "/*"}}},
        {"input": {"pfs": {"repo": "r", "glob": LONG}}},
        {"input": {"pfs": {"repo": "r", "glob": "(" * 500_000}}},
        {"input": {"cron": {"name": "c", "spec": LONG}}},
        {"input": {"cron": {"name": "c", "spec": "@every " + "1" * 500_000}}},
        {"input": {LONG: {}}},
        {"inputs": [{"repo": {"name": "r"}, "method": LONG}]},
        {"parallelism_spec": {"strategy": LONG}},
        {"input": {"cross": [{"pfs": {"repo": "r", "glob": "["}}] * 5_000}},
    ],
    ids=lambda change: next(iter(change))[:20],
)
def test_a_message_never_repeats_a_whole_input(change: dict) -> None:
    with pytest.raises(SpecError) as error:
        parse_spec({**SPEC, **change})
    assert len(str(error.value)) < 20_000
    assert all(len(str(problem)) < 1_500 for problem in error.value.problems)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("[" * 100_000, "nested too deeply"),
        ('{"a": ' * 950 + "1" + "}" * 950, "nested too deeply"),
        ("9" * 5_000, "too many digits"),
        ("-" + "9" * 5_000, "too many digits"),
        ("NaN", "NaN is no number"),
        ("[-Infinity]", "-Infinity is no number"),
        ('"\\ud800"', "surrogate"),
        ('"' + "x" * (2 << 20) + '"', "too long"),
        ("[" + "1," * 100_000 + "1]", "too many values"),
        ("{", "not valid JSON"),
        ('"' + '\\"' * 200_000, "not valid JSON"),
        ('"' * 200_001, "not valid JSON"),
    ],
    ids=lambda text: text[:20],
)
def test_json_that_is_a_bomb_is_refused(text: str, told: str) -> None:
    with pytest.raises(InvalidError) as error:
        load_json(text)
    assert told in str(error.value)
    assert len(str(error.value)) < 300


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**90), 10**90) | st.text(string.printable),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(string.printable), inner, max_size=3),
    max_leaves=10,
)


@given(JSON)
def test_any_other_json_is_read(value) -> None:
    assert load_json(json.dumps(value)) == value


@given(st.integers(0, 120), st.text('[]{}"\\a', max_size=8))
def test_brackets_within_strings_do_not_count(depth: int, text: str) -> None:
    written = "[" * depth + json.dumps(text) + "]" * depth
    assert (too_deep_at(written) >= 0) == (depth > MAX_DEPTH)


def test_shallow_values_of_any_kind_are_within_limits() -> None:
    check({"a": [1, 1.5, None, True, "ä"], "b": {"c": ()}})
